import { assertEquals, assertStringIncludes } from "@std/assert";
import { startLabels } from "../helpers/labels.ts";
import {
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

testWith(NODE_NEEDS)(
  "serve --iptables leaves the rule of another instance alone",
  async () => {
    await using node = await createNode();
    await using first = await node.start("serve --iptables");
    const before = await node.rules();
    const another =
      `c2s-imds: Another instance runs on this node: it listens on port 4000 as uid ${PROXY_UID}, stop that one first\n`;
    for (const more of ["", " --listen 127.0.0.1:4001"]) {
      assertEquals(
        await node.run(`serve --iptables${more}`),
        { code: 1, stdout: "", stderr: another },
      );
    }
    assertEquals(await node.rules(), before);
    assertEquals(await node.see(0), EMULATED);
    first.signal("SIGHUP");
    await first.logged(/read again/);
    assertEquals((await first.stop()).code, 0);
    assertEquals(first.stderr().includes("was put back"), false);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables takes the next port where another program has its own, and leaves that one alone",
  async () => {
    await using node = await createNode();
    const before = await node.rules();
    const theirs = await startLabels(node.namespace, 1000, [
      "theirs 127.0.0.1 4000",
    ]);
    {
      await using program = await node.start("serve --iptables");
      assertEquals(program.url, "http://127.0.0.1:4001");
      await program.logged(
        new RegExp(
          `warn another program has the port, the proxy takes another taken=4000 uid=1000 by="python3 \\(pid ${theirs.pid}\\)" port=4001`,
        ),
      );
      assertEquals(await node.leadsTo(), "4001");
      assertEquals(await node.see(0), EMULATED);
      assertEquals(await node.see(0, "http://127.0.0.1:4000/"), "theirs");
      assertEquals((await program.stop()).code, 0);
    }
    assertEquals(await node.rules(), before);
    await theirs.kill();
    await node.namespace.must(["sysctl", "-qw", "net.ipv4.tcp_syncookies=2"]);
    await using program = await node.start("serve --iptables");
    assertEquals(program.url, "http://127.0.0.1:4000");
    await program.logged(/warn the kernel answers with SYN cookies alone/);
  },
);

/** Starts of which none changes anything, and what each says. */
const REFUSALS: readonly (readonly [
  flags: string,
  before: readonly string[],
  code: number,
  says: string,
])[] = [
  [
    "",
    [
      "setpriv",
      "--bounding-set=-net_admin,-kill",
      "--inh-caps=-net_admin,-kill",
    ],
    4,
    "Cannot keep the rule: missing CAP_NET_ADMIN to change rules and addresses, CAP_KILL to stop the proxy\n",
  ],
  [
    "",
    ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"],
    4,
    "Cannot keep the rule: started as uid 1000, expected root\n",
  ],
  [
    " --user root",
    [],
    2,
    '"root" for --user: uid 0 would exempt every client that runs as root, name the proxy\'s own user\n',
  ],
  [" --user nobody-here", [], 2, "no such user here, give its uid\n"],
  [" --listen [::1]:4000", [], 2, "expected a listener on 127.0.0.1"],
  [" --admin 127.0.0.1:81", [], 2, "Cannot use --admin 127.0.0.1:81 as root"],
];

testWith(NODE_NEEDS)(
  "serve --iptables says what is in the way before anything changes",
  async () => {
    await using node = await createNode();
    const before = await node.rules();
    const runs = REFUSALS.map(([flags, before]) =>
      node.run(`serve --iptables${flags}`, {}, ...before)
    );
    for (
      const [i, { code, stdout, stderr }] of (await Promise.all(runs)).entries()
    ) {
      const [, , expected, says = ""] = REFUSALS[i] ?? [];
      assertEquals([code, stdout], [expected, ""], stderr);
      assertStringIncludes(stderr, says);
      assertEquals(stderr.split("\n").length, 2);
    }
    assertEquals(await node.rules(), before);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables runs the proxy as a named user",
  async () => {
    await using node = await createNode();
    await using _program = await node.start("serve --iptables --user nobody");
    assertEquals(await node.see(0), EMULATED);
    assertEquals(await node.see(65534), REAL);
    assertEquals(await node.see(PROXY_UID), EMULATED);
  },
);
