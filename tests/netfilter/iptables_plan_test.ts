import { assert, assertEquals } from "@std/assert";
import {
  checkArguments,
  installInput,
  isExactly,
  removeInput,
} from "../../lib/netfilter/iptables_plan.ts";
import { EMPTY, type NatTable } from "../../lib/netfilter/nat_table.ts";
import {
  DEFAULT_DESTINATION,
  DESTINATION_IPV6,
  type Rule,
} from "../../lib/netfilter/rule.ts";

const RULE: Rule = { ...DEFAULT_DESTINATION, port: 4000, uid: 10_169 };
const JUMP =
  "-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";
const EXEMPT =
  "-m owner --uid-owner 10169 -m comment --comment c2s-imds -j RETURN";
const REDIRECT =
  "-p tcp -m comment --comment c2s-imds -j REDIRECT --to-ports 4000";

function table(...jumps: readonly string[]): NatTable {
  return {
    ...EMPTY,
    chain: true,
    jumps: jumps.map((jump) => `-A OUTPUT ${jump}`),
    rules: [`-A C2S-IMDS ${EXEMPT}`, `-A C2S-IMDS ${REDIRECT}`],
  };
}

Deno.test("installInput() is the rule set of the design when nothing is there", () => {
  assertEquals(
    installInput(EMPTY, RULE, false),
    `*nat
:C2S-IMDS - [0:0]
-I OUTPUT 1 ${JUMP}
-A C2S-IMDS ${EXEMPT}
-A C2S-IMDS ${REDIRECT}
COMMIT
`,
  );
});

Deno.test("installInput() leaves the one right jump where it is", () => {
  assertEquals(
    installInput(table(JUMP), { ...RULE, uid: 5, port: 6 }, true),
    `*nat
:C2S-IMDS - [0:0]
-A C2S-IMDS ${EXEMPT.replace("10169", "5")}
-A C2S-IMDS ${REDIRECT.replace("4000", "6")}
COMMIT
`,
  );
});

Deno.test("installInput() replaces duplicates and jumps to elsewhere by their own text", () => {
  const old = JUMP.replace("--dport 80", "--dport 8080");
  assertEquals(
    installInput(table(JUMP, old), RULE, true),
    `*nat
:C2S-IMDS - [0:0]
-D OUTPUT ${JUMP}
-D OUTPUT ${old}
-I OUTPUT 1 ${JUMP}
-A C2S-IMDS ${EXEMPT}
-A C2S-IMDS ${REDIRECT}
COMMIT
`,
  );
});

Deno.test("installInput() never deletes as many jumps as it finds without adding one", () => {
  for (const found of [0, 1, 2, 5]) {
    for (const right of [true, false]) {
      const lines = installInput(
        table(...Array<string>(found).fill(JUMP)),
        RULE,
        right,
      ).split("\n");
      const gone = lines.filter((line) => line.startsWith("-D")).length;
      const come = lines.filter((line) => line.startsWith("-I")).length;
      assertEquals(found - gone + come, 1);
    }
  }
});

Deno.test("installInput() names the IPv6 address with all its bits", () => {
  const rule = { ...RULE, ...DESTINATION_IPV6 };
  assert(
    installInput(EMPTY, rule, false).includes(
      "-I OUTPUT 1 -d fd00:ec2::254/128 -p tcp ",
    ),
  );
});

Deno.test("removeInput() takes every jump, then the chain", () => {
  assertEquals(
    removeInput(table(JUMP, JUMP)),
    `*nat
:C2S-IMDS - [0:0]
-D OUTPUT ${JUMP}
-D OUTPUT ${JUMP}
-F C2S-IMDS
-X C2S-IMDS
COMMIT
`,
  );
});

Deno.test("checkArguments() asks for the lines that installInput() writes", () => {
  const { jump, exempt, redirect } = checkArguments(RULE);
  assertEquals(jump.join(" "), `-t nat -C OUTPUT ${JUMP}`);
  assertEquals(exempt.join(" "), `-t nat -C C2S-IMDS ${EXEMPT}`);
  assertEquals(redirect.join(" "), `-t nat -C C2S-IMDS ${REDIRECT}`);
});

Deno.test("isExactly() wants one jump, both lines, and the exemption first", () => {
  const all = { jump: true, exempt: true, redirect: true };
  const right = table(JUMP);
  assert(isExactly(right, all));
  assert(!isExactly(right, { ...all, redirect: false }));
  assert(!isExactly(table(JUMP, JUMP), all));
  assert(!isExactly(table(), all));
  assert(!isExactly({ ...right, rules: right.rules.toReversed() }, all));
  assert(!isExactly({ ...right, rules: [...right.rules, "-A x"] }, all));
});
