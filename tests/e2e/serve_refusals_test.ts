import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { installedForFile, installProgram } from "../helpers/installed.ts";
import { startLabels } from "../helpers/labels.ts";
import {
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  procfs,
  PROXY_UID,
  REAL,
} from "../helpers/node.ts";
import type { ProgramResult } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

/** It ended with a code and one line, and said nothing on standard output. */
function assertRefused(result: ProgramResult, code: number, line: string) {
  assertEquals(result, { code, stdout: "", stderr: `c2s-imds: ${line}\n` });
}

testWith(NODE_NEEDS)(
  "serve --iptables leaves the rule of another instance alone",
  async () => {
    await using node = await createNode(await installed());
    await using first = await node.start("serve --iptables");
    const before = await node.rules();
    const [same, other, plain] = await Promise.all([
      node.run("serve --iptables"),
      node.run("serve --iptables --listen 127.0.0.1:4001"),
      node.run("serve"),
    ]);
    const another =
      `Another instance runs on this node: it listens on port 4000 as uid ${PROXY_UID}, stop that one first`;
    assertRefused(same, 1, another);
    assertRefused(other, 1, another);
    assertRefused(
      plain,
      1,
      "Cannot listen on 127.0.0.1:4000: another program has it, stop that one or choose another --listen",
    );
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
    await using node = await createNode(await installed());
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
    await using program = await node.start("serve --iptables");
    assertEquals(program.url, "http://127.0.0.1:4000");
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables says that SYN cookies alone may cut it off",
  async () => {
    await using node = await createNode(await installed());
    const set = (value: number) =>
      node.namespace.must([
        "sysctl",
        "-qw",
        `net.ipv4.tcp_syncookies=${value}`,
      ]);
    await set(2);
    await using program = await node.start("serve --iptables");
    await program.logged(/warn the kernel answers with SYN cookies alone/);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables names what it lacks before anything changes",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    const without = (...names: string[]) => [
      "setpriv",
      `--bounding-set=${names.map((name) => `-${name}`).join(",")}`,
      `--inh-caps=${names.map((name) => `-${name}`).join(",")}`,
    ];
    const cases: readonly (readonly [string[], string])[] = [
      [without("net_admin"), "missing CAP_NET_ADMIN to change the rule"],
      [
        without("setuid"),
        "missing CAP_SETUID to start the proxy as another user",
      ],
      [
        without("setgid"),
        "missing CAP_SETGID to start the proxy as another group",
      ],
      [without("kill"), "missing CAP_KILL to stop the proxy"],
      [
        without("net_admin", "kill"),
        "missing CAP_NET_ADMIN to change the rule, CAP_KILL to stop the proxy",
      ],
      [
        ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"],
        "started as uid 1000, expected root",
      ],
    ];
    const results = await Promise.all(
      cases.map(([before]) => node.run("serve --iptables", {}, ...before)),
    );
    for (const [index, [, line]] of cases.entries()) {
      const result = results[index];
      assert(result !== undefined);
      assertRefused(result, 4, `Cannot keep the rule: ${line}`);
    }
    assertEquals(await node.rules(), before);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables says what to install when there is no iptables",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    const { folder } = await installed();
    const bin = `${folder}/bin`;
    await Deno.mkdir(bin);
    for (const name of ["cat", "id", "test"]) {
      await Deno.symlink(`/usr/bin/${name}`, `${bin}/${name}`);
    }
    const missing = await node.run("serve --iptables", {}, ...path(bin));
    assertRefused(
      missing,
      4,
      "Cannot install the rule: neither iptables nor nft is on PATH, install iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine), or nftables",
    );
    assertEquals(await node.rules(), before);
  },
);

/** Runs what follows with another PATH. */
function path(value: string): string[] {
  return ["/usr/bin/env", `PATH=${value}`];
}

testWith(NODE_NEEDS)(
  "serve --iptables refuses users that do not fit",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.rules();
    const why = {
      root:
        "uid 0 would exempt every client that runs as root, name the proxy's own user",
      "0":
        "uid 0 would exempt every client that runs as root, name the proxy's own user",
      "nobody-here": "no such user here, give its uid",
      "4294967295": "expected a uid from 1 to 4294967294",
    };
    const results = await Promise.all(
      Object.keys(why).map((user) =>
        node.run(`serve --iptables --user ${user}`)
      ),
    );
    for (const [index, [user, reason]] of Object.entries(why).entries()) {
      const { code, stdout, stderr } = results[index] ?? {};
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr ?? "", `"${user}" for --user: ${reason}`);
      assertEquals(stderr?.split("\n").length, 2);
    }
    const { code, stderr } = await node.run(
      "serve --iptables --listen [::1]:4000",
    );
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "expected a listener on 127.0.0.1");
    assertEquals(await node.rules(), before);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables runs the proxy as a named user",
  async () => {
    await using node = await createNode(await installed());
    await using program = await node.start("serve --iptables --user nobody");
    const child = await childOf(program);
    assert(child !== undefined);
    const status = await procfs(child, "status");
    assertStringIncludes(status, "\nUid:\t65534\t");
    assertStringIncludes(status, "\nGid:\t65534\t");
    assertEquals(await node.see(0), EMULATED);
    assertEquals(await node.see(65534), REAL);
    assertEquals(await node.see(PROXY_UID), EMULATED);
  },
);

testWith(NODE_NEEDS)(
  "serve --iptables from source names the file that the proxy's user cannot read",
  async () => {
    if (Deno.env.has("C2S_IMDS_EXECUTABLE")) return;
    await using stack = new AsyncDisposableStack();
    // Its own: others go on with the one that is installed for all.
    const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const program = await installProgram(folder);
    const { env } = program;
    await using node = await createNode(program);
    const before = await node.rules();
    const closed = [
      `${folder}/deno`,
      `${folder}/house/lib`,
      `${folder}/house/main.ts`,
      env["DENO_DIR"] ?? "",
    ];
    for (const file of closed) {
      const { mode } = await Deno.stat(file);
      await Deno.chmod(file, 0o700);
      const result = await node.run("serve --iptables");
      await Deno.chmod(file, (mode ?? 0) & 0o777);
      assertRefused(
        result,
        2,
        `Cannot start the proxy as uid ${PROXY_UID}: it cannot read "${file}", use the executable or give that user access`,
      );
    }
    assertEquals(await node.rules(), before);
  },
);
