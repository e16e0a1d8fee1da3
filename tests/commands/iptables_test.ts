import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { RuleError } from "../../lib/rule/rule_error.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { runProgram } from "../helpers/program.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";

function never(): Promise<never> {
  throw new Error("wrong usage runs no command");
}

/** A machine without iptables and nft. */
const bare: Runner = () => Promise.resolve("not found");

for (
  const [line, says] of [
    ["--port 4000", "No action: expected install, remove, status"],
    ["isntall", 'Unknown action "isntall": expected install, remove, status'],
    ["install now", 'Unexpected argument "now": see --help'],
    [
      "install --port 0",
      'Cannot use "0" for --port: expected a port from 1 to 65535',
    ],
    [
      "install --port 65536",
      'Cannot use "65536" for --port: expected a port from 1 to 65535',
    ],
    [
      "install --destination 169.254.169.254:0",
      'Cannot use "169.254.169.254:0" for --destination: expected a port from 1 to 65535',
    ],
    [
      "install --destination [fd00:ec2::254]:80",
      'Cannot use "[fd00:ec2::254]:80" for --destination: expected an IPv4 address and a port, --ipv6 adds the IPv6 one',
    ],
    [
      "install --backend iptables",
      'Cannot use "iptables" for --backend: expected one of auto, nft, legacy, nftables',
    ],
    [
      "install --user 0",
      'Cannot use "0" for --user: uid 0 would exempt every client that runs as root, name the proxy\'s own user',
    ],
    ["remove --json", "Cannot use --json with remove: it is for status"],
    [
      "status --dry-run",
      "Cannot use --dry-run with status: it is for install and remove",
    ],
  ] as const
) {
  Deno.test(`iptables ${line} is wrong usage and runs nothing`, async () => {
    const error = await assertRejects(
      () => iptablesWith(never, line),
      UsageError,
    );
    assertEquals(error.message, says);
  });
}

Deno.test("iptables status cannot tell when there is no iptables", async () => {
  const reason =
    "Cannot tell whether the rule is installed: neither iptables nor nft is on PATH, install iptables-nft (RHEL, UBI 9) or iptables (Debian, Alpine), or nftables";
  assertEquals(await iptablesWith(bare, "status"), {
    code: 4,
    stdout: `${reason}\n`,
    stderr: "",
  });
  assertEquals(await iptablesWith(bare, "status --json"), {
    code: 4,
    stdout: `${JSON.stringify({ state: "unknown", reason })}\n`,
    stderr: "",
  });
});

Deno.test("iptables install and remove cannot tell when there is no iptables", async () => {
  for (const line of ["install", "remove", "install --dry-run"]) {
    const { code, stdout, stderr } = await iptablesWith(bare, line);
    assertEquals({ code, stdout }, { code: 4, stdout: "" });
    assertMatch(
      stderr,
      /^c2s-imds: Cannot \w+ the rule: neither iptables nor nft is on PATH, .*\n$/,
    );
  }
});

/** A machine whose programs of some names all end with 4. */
function broken(names: RegExp, others: Runner = bare): Runner {
  return (argv, options) =>
    names.test(argv[0])
      ? Promise.resolve({ code: 4, stdout: "", stderr: "Out of luck\n" })
      : others(argv, options);
}

Deno.test("iptables says how the programs ended when they are there but broken", async () => {
  for (
    const [names, line, name] of [
      [/^ip6?tables/, "", "iptables-nft"],
      [/^ip6?tables/, " --backend legacy", "iptables-legacy"],
      [/^iptables(-restore|-save)?$/, " --backend nft", "iptables"],
      [/^nft$/, " --backend nftables", "nft"],
    ] as const
  ) {
    const run = broken(names);
    const how = `the rule: "${name}" ended with code 4: Out of luck`;
    await assertRejects(
      () => iptablesWith(run, `install${line}`),
      RuleError,
      `Cannot install ${how}`,
    );
    const { code, stdout } = await iptablesWith(run, `status${line}`);
    assertEquals([code, stdout], [
      4,
      `Cannot tell whether ${how.replace("rule:", "rule is installed:")}\n`,
    ]);
  }
  await assertRejects(
    () => iptablesWith(broken(/^ip6?tables/), "remove"),
    RuleError,
    `Cannot remove the rule: "iptables-nft" ended with code 4: Out of luck`,
  );
});

Deno.test("iptables does not take nft's word that no rule is there when iptables is broken", async () => {
  const some = broken(/^ip6?tables/, ([name, first]) =>
    Promise.resolve(
      name === "nft"
        ? {
          code: first === "--version" ? 0 : 1,
          stdout: "",
          stderr: "Error: No such file or directory\n",
        }
        : "not found",
    ));
  const how = '"iptables-nft" ended with code 4: Out of luck';
  const { code, stdout } = await iptablesWith(some, "status");
  assertEquals([code, stdout], [
    4,
    `Cannot tell whether the rule is installed: ${how}\n`,
  ]);
  for (const action of ["install", "remove"]) {
    await assertRejects(
      () => iptablesWith(some, action),
      RuleError,
      `Cannot ${action} the rule: ${how}`,
    );
  }
});

Deno.test("iptables warns of broken programs when others do the job", async () => {
  const { run } = createFakeIptables();
  const some = broken(/^iptables-legacy/, run);
  const warning =
    'Cannot look for rules of its own: "iptables-legacy" ended with code 4: Out of luck';
  const installed = await iptablesWith(some, "install");
  assertEquals([installed.code, installed.stderr], [
    0,
    `warning: ${warning}\n`,
  ]);
  const status = await iptablesWith(some, "status");
  assertEquals(status.code, 0);
  assertStringIncludes(status.stdout, `  warning: ${warning}\n`);
  const removed = await iptablesWith(some, "remove");
  assertEquals([removed.code, removed.stderr], [0, `warning: ${warning}\n`]);
});

Deno.test("iptables ends as a process with one line when a flag is wrong", async () => {
  const { code, stdout, stderr } = await runProgram([
    ...["iptables", "install", "--dry-run", "--user", "no-such-user"],
  ]);
  assertEquals(stdout, "");
  assertEquals(
    stderr,
    'c2s-imds: Cannot use "no-such-user" for --user: no such user here, give its uid\n',
  );
  assertEquals(code, 2);
});

Deno.test("iptables shows the flags in its help", async () => {
  const { code, stdout } = await runProgram(["iptables", "--help"]);
  assertEquals(code, 0);
  for (const flag of ["--user", "--port", "--ipv6", "--backend", "--dry-run"]) {
    assert(stdout.includes(`  ${flag}`), flag);
  }
});
