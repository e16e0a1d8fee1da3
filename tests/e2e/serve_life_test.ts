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
  ALL_BACKENDS,
  asUser,
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  type NodeBackend,
  procfs,
  PROXY_UID,
  REAL,
  REGION,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

/** Rules of others around the place of ours, with odd quoting. */
async function installForeign(namespace: Namespace, backend: NodeBackend) {
  const program = backend === "nftables" ? "nft" : backend;
  await namespace.must(
    [`iptables-${program}-restore`, "--noflush"],
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

for (const backend of ALL_BACKENDS) {
  const serve = `serve --iptables --backend=${backend}`;

  testWith(NODE_NEEDS)(
    `serve --iptables shows everyone but the proxy the emulated region, and leaves no trace (${backend})`,
    async (t) => {
      await using node = await createNode(await installed(), backend);
      const { namespace } = node;
      await installForeign(namespace, backend);
      assertEquals(await node.see(0), REAL);
      const before = await node.rules();
      const early = await startClient(namespace);

      await using program = await node.start(serve);
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
        const status = await node.run(`iptables status --backend=${backend}`);
        assertEquals(status.code, 0, status.stdout + status.stderr);
        assertStringIncludes(status.stdout, `backend: ${backend}`);
      });

      await t.step("a connection from before is reset", async () => {
        await early.ended;
        assertMatch(early.stdout(), new RegExp(`^(?:${REAL}\\n)+$`));
      });

      const late = await startClient(namespace);
      const { code, stderr } = await program.stop();
      assertEquals(code, 0, stderr);
      await t.step("nothing stays behind", async () => {
        assertEquals(await node.rules(), before);
        assertEquals(await node.see(0), REAL);
        assertMatch(late.stdout(), new RegExp(`^(?:${EMULATED}\\n)+`));
      });
    },
  );

  testWith(NODE_NEEDS)(
    `serve --iptables guards IPv6, and redirects it to a listener on [::1] (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      const before = await node.rules();
      await startLabels(node.namespace, 0, ["real fd00:ec2::254 80"]);
      const url = "http://[fd00:ec2::254]/latest/meta-data/placement/region";
      const see = () =>
        Promise.all([0, 1000, PROXY_UID].map((uid) => node.see(uid, url)));
      {
        await using _one = await node.start(serve);
        assertEquals(await see(), ["refused", "refused", "real"]);
      }
      {
        await using program = await node.start(
          `${serve} --listen 127.0.0.1:4000 --listen [::1]:4006`,
        );
        assertEquals(program.urls.length, 2);
        assertEquals(await see(), [EMULATED, EMULATED, "real"]);
        assertEquals(await node.see(0), EMULATED);
      }
      assertEquals(await node.see(0, url), "real");
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
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
    // A session of its own, no terminal, and nothing but pipes to the parent.
    const stat = (await procfs(pid, "stat")).split(") ")[1]?.split(" ");
    assertEquals(stat?.slice(2, 5), [String(pid), String(pid), "0"]);
    const pipes = await node.namespace.must([
      "readlink",
      ...[0, 1, 2].map((fd) => `/proc/${pid}/fd/${fd}`),
    ]);
    assertMatch(pipes, /^(?:pipe:.*\n){3}$/);
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
