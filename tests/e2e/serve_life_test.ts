import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { installedProgram } from "../helpers/installed.ts";
import { startKeepAlive, startLabels } from "../helpers/labels.ts";
import type { Namespace, Spawned } from "../helpers/namespace.ts";
import {
  ALL_BACKENDS,
  asUser,
  childOf,
  createNode,
  EMULATED,
  installForeign,
  NODE_NEEDS,
  procfs,
  PROXY_UID,
  REAL,
  REGION,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

/** A client that asks for the region over one connection. */
function startClient(namespace: Namespace): Promise<Spawned> {
  return startKeepAlive(namespace, 1000, "169.254.169.254", REGION);
}

/** The region a client of version 2 sees: a token first. */
async function seeWithToken(namespace: Namespace, uid: number) {
  const service = "http://169.254.169.254/latest";
  const curl = [...asUser(uid), "curl", "--silent", "--max-time", "30"];
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

const IPV6 = `http://[fd00:ec2::254]${REGION}`;

for (const backend of ALL_BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables shows everyone but the proxy the emulated region, over IPv6, too, and leaves no trace (${backend})`,
    async () => {
      await using node = await createNode(backend);
      const { namespace } = node;
      await installForeign(namespace, backend);
      await startLabels(namespace, 0, ["real fd00:ec2::254 80"]);
      assertEquals(await node.see(0), REAL);
      const before = await node.rules();
      const early = await startClient(namespace);
      const seeAll = (see: (uid: number) => Promise<string>) =>
        Promise.all([0, 1000, PROXY_UID].map(see));
      const seeIPv6 = () => seeAll((uid) => node.see(uid, IPV6));
      {
        await using program = await node.start(
          `serve --iptables --backend=${backend}`,
        );
        assertEquals(program.url, "http://127.0.0.1:4000");
        const expected = [EMULATED, EMULATED, REAL];
        assertEquals(await seeAll((uid) => node.see(uid)), expected);
        assertEquals(
          await seeAll((uid) => seeWithToken(namespace, uid)),
          expected,
        );
        assertEquals(await seeIPv6(), ["refused", "refused", "real"]);
        const status = await node.run(`iptables status --backend=${backend}`);
        assertEquals(status.code, 0, status.stdout + status.stderr);
        assertStringIncludes(status.stdout, `backend: ${backend}`);
        // A connection from before is reset.
        await early.ended;
        assertMatch(early.stdout(), new RegExp(`^(?:${REAL}\\n)+$`));

        const late = await startClient(namespace);
        const { code, stderr } = await program.stop();
        assertEquals(code, 0, stderr);
        assertEquals(await node.rules(), before);
        assertEquals(await node.see(0), REAL);
        assertMatch(late.stdout(), new RegExp(`^(?:${EMULATED}\\n)+`));
      }
      assertEquals(await node.see(0, IPV6), "real");
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve as root gives its child no right that forwarding does not need",
  async () => {
    const { compiled, env } = await installedProgram();
    await using node = await createNode();
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
    assertEquals(
      (await procfs(pid, "environ")).split("\0").sort(),
      [
        "",
        compiled ? "PATH=/" : `DENO_DIR=${env["DENO_DIR"]}`,
        "MALLOC_MMAP_THRESHOLD_=16384",
      ].sort(),
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
