import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import { startKeepAlive, startLabels } from "../helpers/labels.ts";
import type { Namespace, Spawned } from "../helpers/namespace.ts";
import {
  asUser,
  BACKENDS,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  NODE_NEEDS,
  type NodeBackend,
  procfs,
  PROXY_UID,
  REAL,
  REGION,
  until,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

/** Rules of others around the place of ours, with odd quoting. */
async function installForeign(namespace: Namespace, backend: NodeBackend) {
  await namespace.must(
    [`iptables-${backend}-restore`, "--noflush"],
    `*nat
:OTHERS - [0:0]
-A OUTPUT -d 10.1.1.1/32 -p tcp -m comment --comment "it's \\"c2s-imds\\" -j C2S-IMDS" -j OTHERS
-A OUTPUT -d 10.1.1.2/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 82
-A OTHERS -m owner --uid-owner 10169 -j RETURN
COMMIT
`,
  );
}

/** A client that asks for the region over one connection. */
function startClient(namespace: Namespace): Promise<Spawned> {
  return startKeepAlive(namespace, 1000, "169.254.169.254", REGION);
}

/** The region a client of version 2 sees: a token first. */
async function seeWithToken(namespace: Namespace, uid: number) {
  const service = "http://169.254.169.254/latest";
  const curl = [...asUser(uid), "curl", "--silent", "--max-time", "5"];
  const token = await namespace.must([
    ...curl,
    ...["--request", "PUT", `${service}/api/token`],
    ...["--header", "X-aws-ec2-metadata-token-ttl-seconds: 60"],
  ]);
  assertMatch(token, /^[\w=-]{20,}$/);
  return await namespace.must([
    ...curl,
    ...["--header", `X-aws-ec2-metadata-token: ${token}`],
    `${service}/meta-data/placement/region`,
  ]);
}

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

for (const backend of BACKENDS) {
  testWith(
    NODE_NEEDS,
    `serve --iptables shows everyone but the proxy the emulated region, and leaves no trace (${backend})`,
    async (t) => {
      await using node = await createNode(await installed(), backend);
      const { namespace } = node;
      await installForeign(namespace, backend);
      assertEquals(await node.see(0), REAL);
      const before = await node.rules();
      const early = await startClient(namespace);

      await using program = await node.start("serve --iptables");
      assertEquals(program.url, "http://127.0.0.1:4000");
      await t.step("root and others are redirected", async () => {
        const seen = await Promise.all(
          [0, 1000, PROXY_UID].map((uid) => node.see(uid)),
        );
        assertEquals(seen, [EMULATED, EMULATED, REAL]);
        const withToken = await Promise.all(
          [0, 1000, PROXY_UID].map((uid) => seeWithToken(namespace, uid)),
        );
        assertEquals(withToken, [EMULATED, EMULATED, REAL]);
        const status = await node.run("iptables status");
        assertEquals(status.code, 0, status.stdout + status.stderr);
        assertStringIncludes(status.stdout, `backend: ${backend}`);
        assertStringIncludes(status.stdout, `python3 (${early.pid})`);
      });

      const late = await startClient(namespace);
      await t.step("a flush is repaired", async () => {
        await namespace.must([`iptables-${backend}`, "-t", "nat", "-F"]);
        assertEquals(await node.see(0), REAL);
        program.signal("SIGHUP");
        await program.logged(
          /warn the rule was put back was=.*jump from OUTPUT/,
        );
        assertEquals(await node.see(0), EMULATED);
        await namespace.must([`iptables-${backend}`, "-t", "nat", "-F"]);
        await node.run("iptables remove");
        program.signal("SIGHUP");
        await program.logged(/warn the rule was put back was=absent/);
        assertEquals(await node.see(0), EMULATED);
      });

      await t.step("a jump put in front stays", async () => {
        const theirs = ["OUTPUT", "-d", "10.1.1.3/32", "-j", "RETURN"];
        const change = (how: string, ...at: string[]) =>
          namespace.must([
            ...[`iptables-${backend}`, "-t", "nat", how],
            ...[theirs[0] ?? "", ...at, ...theirs.slice(1)],
          ]);
        await change("-I", "1");
        const displaced = await node.rules();
        program.signal("SIGHUP");
        await until(
          "the configuration is read again",
          () => Promise.resolve(count(program.stderr(), /read again/g) === 3),
        );
        assertEquals((await node.run("iptables status")).code, 0);
        assertEquals(await node.rules(), displaced);
        assertEquals(count(program.stderr(), /was put back/g), 2);
        await change("-D");
      });

      // The flush took the others' rules of table nat, too.
      await namespace.must([
        ...[`iptables-${backend}`, "-t", "nat", "-F", "OTHERS"],
      ]);
      await namespace.must([
        `iptables-${backend}`,
        "-t",
        "nat",
        "-X",
        "OTHERS",
      ]);
      await installForeign(namespace, backend);
      const { code, stderr } = await program.stop();
      assertEquals(code, 0, stderr);
      await t.step("nothing stays behind", async () => {
        assertEquals(await node.rules(), before);
        assertEquals(await node.see(0), REAL);
        assert(await isAlive(early.pid), "a connection from before was cut");
        assert(await isAlive(late.pid), "a client of the proxy was cut off");
        assertMatch(early.stdout(), new RegExp(`^(?:${REAL}\\n)+$`));
        assertMatch(
          late.stdout(),
          new RegExp(`^(?:${EMULATED}\\n)+(?:${REAL}\\n)+$`),
        );
      });
    },
  );

  testWith(
    NODE_NEEDS,
    `serve --iptables redirects IPv6 to a listener on [::1] (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      await startLabels(node.namespace, 0, ["real fd00:ec2::254 80"]);
      const url = "http://[fd00:ec2::254]/latest/meta-data/placement/region";
      {
        await using _one = await node.start("serve --iptables");
        assertEquals(await node.see(0, url), "real");
      }
      {
        await using program = await node.start(
          "serve --iptables --listen 127.0.0.1:4000 --listen [::1]:4006",
        );
        assertEquals(program.urls.length, 2);
        const seen = await Promise.all(
          [0, 1000, PROXY_UID].map((uid) => node.see(uid, url)),
        );
        assertEquals(seen, [EMULATED, EMULATED, "real"]);
        assertEquals(await node.see(0), EMULATED);
      }
      assertEquals(await node.see(0, url), "real");
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(
  NODE_NEEDS,
  "serve as root gives its child no right that forwarding does not need",
  async () => {
    const { compiled, env } = await installed();
    await using node = await createNode(await installed());
    await using program = await node.start("serve --iptables", {
      env: { SECRET: "in the environment", HTTP_PROXY: "http://127.0.0.1:9" },
    });
    const pid = await childOf(program);
    assert(pid !== undefined);
    const status = await procfs(pid, "status");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assertMatch(status, new RegExp(`^${set}:\\t0+$`, "m"));
    }
    assertMatch(status, /^Uid:(?:\t10169){4}$/m);
    assertMatch(status, /^Gid:(?:\t10169){4}$/m);
    assertMatch(status, /^Groups:\s*$/m);
    const environ = await procfs(pid, "environ");
    assertEquals(
      environ,
      compiled ? "PATH=/\0" : `DENO_DIR=${env["DENO_DIR"]}\0`,
    );
    const open = await node.namespace.must([
      ...["find", `/proc/${pid}/fd`, "-lname", "/*", "-printf", "%l %M\\n"],
    ]);
    const writable = open.split("\n").filter((line) =>
      / l.w/.test(line) && !line.startsWith("/dev/")
    );
    assertEquals(writable, []);
    assertEquals(await node.see(0), EMULATED);
  },
);
