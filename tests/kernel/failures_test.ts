import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXIT, type ExitCode } from "../../lib/cli/command.ts";
import type { Backend } from "../../lib/rule/rule.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { installedProgram } from "../helpers/installed.ts";
import { createNamespace, type Namespace } from "../helpers/namespace.ts";
import { NODE_NEEDS } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

/** Runs every command inside under another one. */
function under(node: Namespace, ...prefix: [string, ...string[]]): Runner {
  return (argv, options) => node.runner([...prefix, ...argv], options);
}

/** The message of a call that fails. */
async function refused(
  run: Runner,
  line: string,
  expected: ExitCode = EXIT.FAILED,
): Promise<string> {
  const { code, stdout, stderr } = await iptablesWith(run, line);
  assertEquals({ code, stdout }, { code: expected, stdout: "" });
  assertEquals(stderr.split("\n").length, 2);
  return stderr.trimEnd().replace("c2s-imds: ", "");
}

/** The message where rights or programs are missing. */
function unable(run: Runner, line: string): Promise<string> {
  return refused(run, line, EXIT.CANNOT_TELL);
}

testWith(NODE_NEEDS)(
  "iptables names the capability that is missing",
  async () => {
    await using node = await createNamespace();
    const without = (capability: string) =>
      under(node, "setpriv", `--bounding-set=-${capability}`);
    const run = without("net_admin");
    for (const backend of ["nft", "legacy", "nftables"]) {
      assertMatch(
        await unable(run, `install --backend ${backend}`),
        /^Cannot install the rule: this process lacks CAP_NET_ADMIN.*, run it as root or give its container NET_ADMIN$/,
      );
      const { code, stdout } = await iptablesWith(
        run,
        `status --backend ${backend}`,
      );
      assertEquals(code, 4);
      assertMatch(stdout, /^Cannot tell .*: this process lacks CAP_NET_ADMIN/);
    }
    assertStringIncludes(await unable(run, "remove"), "CAP_NET_ADMIN");
    const dry = await iptablesWith(run, "install --dry-run");
    assertEquals(dry.code, 0);
    assertStringIncludes(dry.stdout, "-I OUTPUT 1 ");
    assertStringIncludes(dry.stderr, "CAP_NET_ADMIN");
    assertStringIncludes(
      await unable(without("net_raw"), "install --backend legacy"),
      "lacks CAP_NET_RAW, which legacy iptables needs",
    );
    const nft = await iptablesWith(without("net_raw"), "install --backend nft");
    assertEquals(nft.code, 0);
  },
);

testWith(NODE_NEEDS)(
  "iptables gives up in time when another program holds the lock",
  async () => {
    await using node = await createNamespace();
    const lock = await Deno.makeTempFile();
    try {
      const holder = node.spawn([
        ...["flock", "--no-fork", lock],
        ...["sh", "-c", "echo held; exec sleep 60"],
      ]);
      await holder.shows(/held/);
      const run = under(node, "env", `XTABLES_LOCKFILE=${lock}`);
      assertEquals(
        await refused(run, "install --backend legacy"),
        `Cannot install the rule: another program has held the xtables lock "${lock}" for 5 s, try again or find it with fuser ${lock}; no rule is there`,
      );
      assertStringIncludes(
        await unable(
          under(node, "env", "XTABLES_LOCKFILE=/proc/none"),
          "install --backend legacy",
        ),
        'the lock file "/proc/none" cannot be opened',
      );
    } finally {
      await Deno.remove(lock);
    }
  },
);

/** Native rules of others in OUTPUT, which iptables cannot list. */
const FOREIGN = `add set ip nat theirs { type ipv4_addr; }
add rule ip nat OUTPUT ip daddr @theirs tcp dport { 80, 81 } redirect to :99
insert rule ip nat OUTPUT ct state new counter
`;

testWith(NODE_NEEDS)(
  "iptables keeps, moves and removes its rule where others' native rules came",
  async () => {
    await using node = await createNamespace();
    const nat = () => node.must(["nft", "list", "table", "ip", "nat"]);
    for (const line of ["remove", "install --backend nftables"]) {
      await iptablesWith(node.runner, "install --backend nft");
      await node.must(["nft", "-f", "-"], FOREIGN);
      const kept = await iptablesWith(
        node.runner,
        "install --port 4001 --backend nft",
      );
      assertEquals(kept.code, 0);
      assertStringIncludes(await nat(), "redirect to :4001");
      const { code, stdout } = await iptablesWith(node.runner, line);
      assertEquals(code, 0);
      assertStringIncludes(stdout, "Removed from the nft backend: IPv4");
      assertEquals((await nat()).match(/C2S-IMDS/g), null);
      assertStringIncludes(await nat(), "redirect to :99");
      await iptablesWith(node.runner, "remove");
      assertStringIncludes(
        await refused(node.runner, "install --backend nft"),
        "its tables hold native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables",
      );
      await node.must(["nft", "delete", "table", "ip", "nat"]);
    }
  },
);

testWith(NODE_NEEDS)(
  "iptables says what stands where a command was killed after or before its work",
  async () => {
    await using node = await createNamespace();
    const killed =
      (table: string, before: boolean): Runner => async (argv, options) => {
        if (!options?.stdin?.startsWith(`*${table}`)) {
          return await node.runner(argv, options);
        }
        if (!before) await node.runner(argv, options);
        return { code: 137, stdout: "", stderr: "" };
      };
    const done = await iptablesWith(killed("nat", false), "install");
    assertEquals(done.code, 0, "what stands counts");
    await iptablesWith(node.runner, "remove");
    assertStringIncludes(
      await refused(killed("nat", true), "install"),
      '-restore" ended with code 137; there is: IPv4 in the nft backend: the redirect is missing',
    );
    await iptablesWith(node.runner, "install");
    assertStringIncludes(
      await refused(killed("filter", true), "remove"),
      "there is: IPv6 in the nft backend: a rule is there, expected none",
    );
    assertEquals((await iptablesWith(killed("nat", false), "remove")).code, 0);
    assertStringIncludes(
      (await iptablesWith(node.runner, "status")).stdout,
      "absent",
    );
  },
);

testWith(NODE_NEEDS)(
  "iptables tells an ordinary user without sbin in PATH to run it as root",
  async () => {
    await using node = await createNamespace();
    const program = await installedProgram();
    const { code, stderr } = await node.run([
      ...["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"],
      ...["env", "-i", "PATH=/usr/bin:/bin"],
      ...Object.entries(program.env).map(([name, value]) => `${name}=${value}`),
      ...[...program.command, "iptables", "install"],
    ]);
    assertEquals(code, 4);
    assertMatch(
      stderr,
      /Cannot install the rule: this process lacks CAP_NET_ADMIN, run it as root/,
    );
  },
);

/** Machines that have IPv6, but nothing to guard it with. */
const WITHOUT_IPV6_RULES: readonly [
  what: string,
  backend: Backend,
  answer: (argv: readonly string[]) => ReturnType<Runner>,
  why: RegExp,
][] = [
  [
    "no ip6tables",
    "nft",
    () => Promise.resolve("not found"),
    /"ip6tables-nft" is not on PATH, install /,
  ],
  [
    "a kernel without ip6tables' filter table",
    "legacy",
    ([name, ...args]) =>
      Promise.resolve({
        code: args[0] === "--version" ? 0 : 3,
        stdout: "ip6tables v1.8.9 (legacy)\n",
        stderr:
          `${name}: can't initialize ip6tables table \`filter': Table does not exist (do you need to insmod?)\n`,
      }),
    /the kernel lacks a module, load .*ip6table_filter, /,
  ],
  [
    "a kernel without nftables for IPv6",
    "nftables",
    () =>
      Promise.resolve({
        code: 1,
        stdout: "",
        stderr:
          "/dev/stdin:1:1-19: Error: Could not process rule: Operation not supported\n",
      }),
    /the kernel lacks a module, load nf_tables/,
  ],
];

for (const [what, backend, answer, why] of WITHOUT_IPV6_RULES) {
  testWith(NODE_NEEDS)(
    `iptables installs IPv4, and says that IPv6 is not guarded, with ${what}`,
    async () => {
      await using node = await createNamespace();
      const run: Runner = (argv, options) =>
        argv[0].startsWith("ip6tables") ||
          backend === "nftables" && options?.stdin?.startsWith("table ip6")
          ? answer(argv)
          : node.runner(argv, options);
      const call = (line: string) =>
        iptablesWith(run, `${line} --backend ${backend}`);
      const installed = await call("install");
      assertEquals(installed.code, 0);
      const line = /^Installed .*: 169\.254\.169\.254:80 .*\n$/;
      assertMatch(installed.stdout, line);
      assertMatch(installed.stderr, /^warning: IPv6 is not guarded: /);
      assertMatch(installed.stderr, why);
      const { stdout } = await call("status --json");
      const { differences, unguarded } = JSON.parse(stdout);
      assertEquals(differences.length, 1, "nobody listens");
      assertMatch(unguarded.join(), why);
      assertMatch((await call("install --dry-run")).stderr, why);
      // Who asks for IPv6 gets it, or hears why not.
      const { stderr: asked } = await call("install --ipv6");
      assertMatch(asked, why);
      assertEquals(asked.includes("is not guarded"), false);
      assertEquals((await iptablesWith(run, "remove")).code, 0);
    },
  );
}
