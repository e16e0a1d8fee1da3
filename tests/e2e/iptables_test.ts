import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { Backend } from "../../lib/rule/rule.ts";
import { iptablesWith, type Outcome } from "../helpers/iptables.ts";
import { askAs, startKeepAlive, startLabels } from "../helpers/labels.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import { programArguments } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const NEEDS = [
  ...NAMESPACES,
  { command: "iptables-nft", from: "iptables" },
  { command: "iptables-legacy", from: "iptables" },
  { command: "nft", from: "nftables" },
  { command: "conntrack", from: "conntrack" },
  { command: "curl", from: "curl" },
];

const SERVICE = "http://169.254.169.254/";
const SERVICE_IPV6 = "http://[fd00:ec2::254]/";
const PROXY = 10_169;
const JUMP =
  "-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";

/** The first use of each makes tables and chains that stay. */
const PRIMED = [
  "iptables-nft",
  "ip6tables-nft",
  "iptables-legacy",
  "ip6tables-legacy",
];

/** Runs `c2s-imds iptables` with its commands inside a namespace. */
function iptables(node: Namespace, line: string): Promise<Outcome> {
  return iptablesWith(node.runner, line);
}

/** A namespace with the real service, and the proxy on two ports. */
async function createNode(): Promise<Namespace> {
  const node = await createNamespace([
    "169.254.169.254/32",
    "10.9.8.7/32",
    "fd00:ec2::254/128",
  ]);
  try {
    for (const command of PRIMED) {
      await node.must([command, "-t", "nat", "-A", "OUTPUT", "-j", "RETURN"]);
      await node.must([command, "-t", "nat", "-D", "OUTPUT", "-j", "RETURN"]);
    }
    await Promise.all([
      startLabels(node, 0, [
        "real 169.254.169.254 80",
        "real fd00:ec2::254 80",
      ]),
      startLabels(node, PROXY, [
        "proxy 127.0.0.1 4000",
        "proxy ::1 4000",
        "second 127.0.0.1 4001",
      ]),
    ]);
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
  return node;
}

/** Every rule of the namespace, without the counters and the time of day. */
async function rules(node: Namespace): Promise<string> {
  const listed = await Promise.all([
    node.must(["iptables-nft-save"]),
    node.must(["ip6tables-nft-save"]),
    node.must(["iptables-legacy-save"]),
    node.must(["ip6tables-legacy-save"]),
    node.must(["nft", "-s", "list", "ruleset"]),
  ]);
  return listed.join("\n").replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\[\d+:\d+\]/g, "[]")
    .replaceAll(/counter packets \d+ bytes \d+/g, "counter");
}

/** Rules of others, before and after each other, with odd quoting. */
async function installForeign(node: Namespace, backend: Backend) {
  if (backend === "nftables") {
    await node.must(
      ["nft", "-f", "-"],
      `table ip others { chain output { type nat hook output priority -100;
        ip daddr 10.1.1.1 tcp dport 81 redirect to :82
      }
      }\n`,
    );
    return;
  }
  await node.must(
    [`iptables-${backend}-restore`, "--noflush"],
    `*nat
:OTHERS - [0:0]
-A OUTPUT -d 10.1.1.1/32 -p tcp -m comment --comment "it's \\"c2s-imds\\" -j C2S-IMDS" -j OTHERS
-A OUTPUT -d 10.1.1.2/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 82
-A OTHERS -m owner --uid-owner 10169 -j RETURN
COMMIT
`,
  );
  await node.must([
    ...[`ip6tables-${backend}`, "-t", "nat", "-A", "OUTPUT"],
    ...["-d", "fd00::1", "-p", "tcp", "-j", "RETURN"],
  ]);
}

/** The lines of ours, in the order of the backend's own listing. */
async function ours(node: Namespace): Promise<string[]> {
  return (await rules(node)).split("\n").filter((line) =>
    /-A .*c2s-imds -j|skuid != /.test(line)
  ).map((line) => line.trim());
}

for (const backend of ["nft", "legacy", "nftables"] as const) {
  testWith(
    NEEDS,
    `iptables leads everyone but the proxy through a whole life (${backend})`,
    async (t) => {
      await using node = await createNode();
      const see = async (uid: number, url = SERVICE) =>
        await askAs(node, uid, url);
      const status = async (flags = "") =>
        await iptables(node, `status --backend ${backend}${flags}`);
      await installForeign(node, backend);
      const before = await rules(node);

      await t.step("nothing is there", async () => {
        assertEquals((await status()).code, 1);
        assertEquals(await see(0), "real");
        const { code, stdout } = await iptables(node, "remove");
        assertEquals(code, 0);
        assertEquals(stdout, "Nothing to remove\n");
      });

      await t.step("a dry run changes nothing", async () => {
        const { code, stdout } = await iptables(
          node,
          `install --dry-run --backend ${backend}`,
        );
        assertEquals(code, 0);
        assertStringIncludes(stdout, "4000");
        assertEquals(await rules(node), before);
      });

      await t.step(
        "root and others are redirected, the proxy is not",
        async () => {
          const { code } = await iptables(node, `install --backend ${backend}`);
          assertEquals(code, 0);
          assertEquals(await see(0), "proxy");
          assertEquals(await see(1000), "proxy");
          assertEquals(await see(PROXY), "real");
          assertEquals(await see(0, SERVICE_IPV6), "real");
          assertEquals((await status()).code, 0);
        },
      );

      await t.step("a second install changes nothing", async () => {
        const once = await rules(node);
        assertEquals(
          (await iptables(node, `install --backend ${backend}`)).code,
          0,
        );
        assertEquals(await rules(node), once);
      });

      await t.step("IPv6 comes and goes with its flag", async () => {
        const { code } = await iptables(
          node,
          `install --ipv6 --backend ${backend}`,
        );
        assertEquals(code, 0);
        assertEquals(await see(1000, SERVICE_IPV6), "proxy");
        assertEquals(await see(PROXY, SERVICE_IPV6), "real");
        assertEquals((await status(" --ipv6")).code, 0);
        assertEquals((await status()).code, 3);
        await iptables(node, `install --backend ${backend}`);
        assertEquals(await see(1000, SERVICE_IPV6), "real");
      });

      await t.step("port and uid change in place", async () => {
        const { code } = await iptables(
          node,
          `install --user 1000 --port 4001 --backend ${backend}`,
        );
        assertEquals(code, 0);
        assertEquals(await see(0), "second");
        assertEquals(await see(1000), "real");
        assertEquals(await see(PROXY), "second");
        const drift = await status();
        assertEquals(drift.code, 3);
        assertStringIncludes(drift.stdout, "uid is 1000, expected 10169");
        assertStringIncludes(drift.stdout, "port is 4001, expected 4000");
        assertEquals((await status(" --user 1000 --port 4001")).code, 0);
      });

      await t.step("six installs at once leave one copy", async () => {
        for (const start of ["absent", "there"]) {
          if (start === "absent") await iptables(node, "remove");
          const codes = await Promise.all(
            Array.from(
              { length: 6 },
              () => iptables(node, `install --backend ${backend}`),
            ),
          );
          assertEquals(
            codes.map(({ code }) => code),
            [0, 0, 0, 0, 0, 0],
          );
          assertEquals((await status()).stdout.split("\n")[0], "installed");
        }
        assertEquals(
          (await ours(node)).length,
          backend === "nftables" ? 1 : 3,
        );
      });

      if (backend !== "nftables") {
        const command = `iptables-${backend}`;

        await t.step("duplicates are drift and go", async () => {
          for (let i = 0; i < 3; i++) {
            await node.must(`${command} -t nat -A OUTPUT ${JUMP}`.split(" "));
          }
          const drift = await status();
          assertEquals(drift.code, 3);
          assertStringIncludes(drift.stdout, "there are 4 jumps, expected 1");
          assertEquals(await see(0), "proxy");
          await iptables(node, `install --backend ${backend}`);
          assertEquals((await ours(node)).length, 3);
        });

        await t.step("jumps of others in front stay there", async () => {
          await node.must(
            `${command} -t nat -I OUTPUT 1 -d 10.1.1.3/32 -j RETURN`.split(" "),
          );
          const displaced = await rules(node);
          assertEquals((await status()).code, 0);
          await iptables(node, `install --backend ${backend}`);
          assertEquals(await rules(node), displaced);
          await node.must(
            `${command} -t nat -D OUTPUT -d 10.1.1.3/32 -j RETURN`.split(" "),
          );
        });
      }

      await t.step("a rule in another backend is drift and moves", async () => {
        const other = backend === "nft" ? "legacy" : "nft";
        await iptables(node, `install --backend ${other}`);
        const drift = await status();
        assertEquals(drift.code, 3);
        assertStringIncludes(drift.stdout, `IPv4, ${other}: -A OUTPUT`);
        const { stdout } = await iptables(node, `install --backend ${backend}`);
        assertStringIncludes(stdout, `Removed from the ${other} backend: IPv4`);
        assertEquals((await status()).code, 0);
        assertEquals(await see(0), "proxy");
      });

      await t.step(
        "removing leaves the tables as they were, twice",
        async () => {
          if (backend !== "nftables") {
            await node.must(
              `iptables-${backend} -t nat -A OUTPUT ${JUMP}`.split(" "),
            );
          }
          const { code, stdout } = await iptables(node, "remove");
          assertEquals(code, 0);
          assertEquals(stdout, `Removed from the ${backend} backend: IPv4\n`);
          assertEquals(await rules(node), before);
          assertEquals((await iptables(node, "remove")).code, 0);
          assertEquals((await status()).code, 1);
          assertEquals(await see(0), "real");
        },
      );

      await t.step("a flush by another is seen and repaired", async () => {
        await iptables(node, `install --backend ${backend}`);
        if (backend === "nftables") {
          await node.must(["iptables-nft", "-t", "nat", "-F"]);
          assertEquals(await see(0), "proxy");
          await node.must(["nft", "delete", "table", "ip", "c2s-imds"]);
          assertEquals((await status()).code, 1);
        } else {
          await node.must([`iptables-${backend}`, "-t", "nat", "-F"]);
          const drift = await status();
          assertEquals(drift.code, 3);
          assertStringIncludes(drift.stdout, "the jump from OUTPUT is missing");
        }
        assertEquals(await see(0), "real");
        await iptables(node, `install --backend ${backend}`);
        assertEquals(await see(0), "proxy");
        assertEquals((await status()).code, 0);
      });
    },
  );

  testWith(
    NEEDS,
    `status lists clients that still go direct (${backend})`,
    async () => {
      await using node = await createNode();
      // A node's own firewall keeps conntrack busy; without it nothing would be
      // tracked before the rule comes.
      await node.must(
        ["nft", "-f", "-"],
        `table inet firewall { chain input { type filter hook input priority 0;
        ct state established accept
      }
      }\n`,
      );
      const early = await startKeepAlive(node, 1000, "169.254.169.254");
      const proxys = await startKeepAlive(node, PROXY, "169.254.169.254");
      await iptables(node, `install --backend ${backend}`);
      const late = await startKeepAlive(node, 1000, "169.254.169.254");
      assertMatch(early.stdout(), /^(real\n)+$/);
      assertMatch(late.stdout(), /^proxy\n/);

      const { code, stdout } = await iptables(
        node,
        `status --json --backend ${backend}`,
      );
      assertEquals(code, 0);
      const { directClients, cure } = JSON.parse(stdout);
      assertEquals(
        directClients.map(
          (
            { uid, processes }: { uid: number; processes: string[] },
          ) => [uid, ...processes],
        ),
        [[1000, `python3 (${early.pid})`]],
      );
      // The cure cuts those off, too, that are led to the proxy.
      await late.kill();
      const command: string = cure.replace(/^.* with /, "");
      // Where the service's packet comes first after the cure, the kernel takes
      // the old connection up again, the other way round: then that is to go.
      const turned = command.replace("-dst", "-src").replace("dport", "sport");
      let end: "alive" | number = "alive";
      for (let tries = 0; end === "alive" && tries < 20; tries++) {
        const again = tries % 2 === 0 ? command : turned;
        await node.run(again.split(" "));
        end = await endWithin(early, 1_000);
      }
      assert(end !== "alive" && end !== 0, `the client was cut off: ${end}`);
      const after = await iptables(node, `status --backend ${backend}`);
      assert(!after.stdout.includes("still direct"), after.stdout);
      await proxys.kill();
    },
  );
}

/** How a client ended, or that it is alive when the time is over. */
async function endWithin(
  client: Spawned,
  ms: number,
): Promise<"alive" | number> {
  const { promise: late, resolve } = Promise.withResolvers<"alive">();
  const timer = setTimeout(() => resolve("alive"), ms);
  try {
    return await Promise.race([client.ended.then(({ code }) => code), late]);
  } finally {
    clearTimeout(timer);
  }
}

testWith(
  NEEDS,
  "iptables works as a process and ends with the codes of the contract",
  async () => {
    await using node = await createNode();
    const program = (line: string) =>
      node.run([...programArguments(), "iptables", ...line.split(" ")]);
    const first = await program("status");
    assertEquals([first.code, first.stdout.split("\n")[0]], [1, "absent"]);
    assertEquals((await program("install")).code, 0);
    assertEquals(await askAs(node, 1000, SERVICE), "proxy");
    assertEquals((await program("status")).code, 0);
    assertEquals((await program("status --port 4001")).code, 3);
    assertEquals(await program("install --user root"), {
      code: 2,
      stdout: "",
      stderr:
        'c2s-imds: Cannot use "root" for --user: uid 0 would exempt every client that runs as root, name the proxy\'s own user\n',
    });
    assertEquals((await program("remove")).code, 0);
    assertEquals((await program("remove")).stdout, "Nothing to remove\n");
  },
);
