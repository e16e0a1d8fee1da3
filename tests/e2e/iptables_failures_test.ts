import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../lib/config/usage_error.ts";
import { RuleError } from "../../lib/rule/rule_error.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { createNamespace, type Namespace } from "../helpers/namespace.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const NEEDS = [
  ...NAMESPACES,
  { command: "iptables-nft", from: "iptables" },
  { command: "iptables-legacy", from: "iptables" },
  { command: "nft", from: "nftables" },
];

/** Runs every command inside under another one. */
function under(node: Namespace, ...prefix: [string, ...string[]]): Runner {
  return (argv, options) => node.runner([...prefix, ...argv], options);
}

function without(capability: string): [string, ...string[]] {
  return [
    "setpriv",
    `--bounding-set=-${capability}`,
    `--inh-caps=-${capability}`,
  ];
}

/** The message where rights or programs are missing. */
async function unable(run: Runner, line: string): Promise<string> {
  const { code, stdout, stderr } = await iptablesWith(run, line);
  assertEquals({ code, stdout }, { code: 4, stdout: "" });
  assertEquals(stderr.split("\n").length, 2);
  return stderr.trimEnd().replace("c2s-imds: ", "");
}

async function refused(run: Runner, line: string): Promise<string> {
  const error = await assertRejects(
    () => iptablesWith(run, line),
    RuleError,
  );
  assertEquals(error.message.split("\n").length, 1);
  return error.message;
}

testWith(
  NEEDS,
  "iptables names the capability when NET_ADMIN is dropped",
  async () => {
    await using node = await createNamespace();
    const run = under(node, ...without("net_admin"));
    for (const backend of ["nft", "legacy", "nftables"]) {
      const reason = `this process lacks CAP_NET_ADMIN${
        backend === "legacy" ? ", which legacy iptables needs" : ""
      }, run it as root or give its container NET_ADMIN`;
      assertEquals(
        await unable(run, `install --backend ${backend}`),
        `Cannot install the rule: ${reason}`,
      );
      const status = await iptablesWith(run, `status --backend ${backend}`);
      assertEquals(status.code, 4);
      assertEquals(
        status.stdout,
        `Cannot tell whether the rule is installed: ${reason}\n`,
      );
    }
    assertStringIncludes(await unable(run, "remove"), "CAP_NET_ADMIN");
    const dry = await iptablesWith(run, "install --dry-run");
    assertEquals(dry.code, 0);
    assertStringIncludes(dry.stdout, "-I OUTPUT 1 ");
    assertStringIncludes(dry.stderr, "CAP_NET_ADMIN");
  },
);

testWith(
  NEEDS,
  "iptables names the capability when legacy lacks NET_RAW",
  async () => {
    await using node = await createNamespace();
    const run = under(node, ...without("net_raw"));
    assertStringIncludes(
      await unable(run, "install --backend legacy"),
      "lacks CAP_NET_RAW, which legacy iptables needs",
    );
    assertEquals((await iptablesWith(run, "install --backend nft")).code, 0);
  },
);

testWith(
  NEEDS,
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
        `Cannot install the rule: another program has held the xtables lock "${lock}" for 5 s, try again or find it with fuser ${lock}`,
      );
      await holder.kill();
      assertEquals(
        (await iptablesWith(run, "install --backend legacy")).code,
        0,
      );
    } finally {
      await Deno.remove(lock);
    }
  },
);

testWith(
  NEEDS,
  "iptables says when the lock file cannot be opened",
  async () => {
    await using node = await createNamespace();
    const run = under(node, "env", "XTABLES_LOCKFILE=/proc/none");
    assertStringIncludes(
      await unable(run, "install --backend legacy"),
      'the lock file "/proc/none" cannot be opened',
    );
  },
);

testWith(
  NEEDS,
  "iptables refuses an unknown user before it changes anything",
  async () => {
    await using node = await createNamespace();
    const error = await assertRejects(
      () => iptablesWith(node.runner, "install --user no-such-user"),
      UsageError,
    );
    assertEquals(
      error.message,
      'Cannot use "no-such-user" for --user: no such user here, give its uid',
    );
    assertEquals(await node.must(["nft", "list", "ruleset"]), "");
  },
);

testWith(
  NEEDS,
  "iptables points to nftables when table nat holds native rules",
  async () => {
    await using node = await createNamespace();
    await iptablesWith(node.runner, "install --backend nft");
    await node.must(
      ["nft", "-f", "-"],
      `add set ip nat theirs { type ipv4_addr; }
add rule ip nat OUTPUT ip daddr @theirs tcp dport { 80, 81 } redirect to :99
`,
    );
    const reason =
      'table "ip nat" holds native nft rules that iptables cannot read, use c2s-imds iptables install --backend nftables';
    assertEquals(
      await refused(node.runner, "install --backend nft"),
      `Cannot install the rule: ${reason}`,
    );
    const status = await iptablesWith(node.runner, "status --backend nft");
    assertEquals(status.code, 4);
    assertStringIncludes(status.stdout, reason);

    const moved = await iptablesWith(
      node.runner,
      "install --backend nftables",
    );
    assertStringIncludes(moved.stdout, "Removed from the nft backend: IPv4");
    const listed = await node.must(["nft", "list", "table", "ip", "nat"]);
    assertEquals(/C2S-IMDS/.test(listed), false);
    assertStringIncludes(listed, "redirect to :99");
    assertEquals((await iptablesWith(node.runner, "remove")).code, 0);
    assertEquals(
      await node.must(["nft", "list", "table", "ip", "nat"]),
      listed,
    );
  },
);

testWith(
  NEEDS,
  "iptables takes native nft when there is no iptables",
  async () => {
    await using node = await createNamespace();
    const run: Runner = (argv, options) =>
      /^ip6?tables/.test(argv[0])
        ? Promise.resolve("not found" as const)
        : node.runner(argv, options);
    const { stdout } = await iptablesWith(run, "install --ipv6");
    assertStringIncludes(stdout, "Installed in the nftables backend");
    assertEquals((await iptablesWith(run, "status --ipv6")).code, 0);
    assertStringIncludes(
      await unable(run, "install --backend nft"),
      '"iptables-nft" is not on PATH, install iptables-nft (RHEL, UBI 9)',
    );
  },
);

testWith(NEEDS, "iptables follows the hint that kubelet left", async () => {
  for (const backend of ["nft", "legacy"]) {
    await using node = await createNamespace();
    await node.must([
      ...[`iptables-${backend}`, "-t", "mangle", "-N", "KUBE-IPTABLES-HINT"],
    ]);
    const { stdout } = await iptablesWith(node.runner, "install");
    assertStringIncludes(stdout, `Installed in the ${backend} backend`);
  }
});
