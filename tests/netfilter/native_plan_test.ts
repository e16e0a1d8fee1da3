import { assert, assertEquals } from "@std/assert";
import {
  isExactlyNative,
  nativeRemoval,
  nativeScript,
  parseNativeTable,
} from "../../lib/netfilter/native_plan.ts";
import {
  DEFAULT_DESTINATION,
  DESTINATION_IPV6,
} from "../../lib/netfilter/rule.ts";

const RULE = { ...DEFAULT_DESTINATION, port: 4000, uid: 10_169 };

Deno.test("nativeScript() replaces our table in one transaction", () => {
  assertEquals(
    nativeScript(RULE),
    `table ip c2s-imds
delete table ip c2s-imds
table ip c2s-imds {
	chain output {
		type nat hook output priority -100; policy accept;
		ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000
	}
}
`,
  );
});

Deno.test("nativeScript() uses the other family's table for IPv6", () => {
  const script = nativeScript({ ...RULE, ...DESTINATION_IPV6 });
  assert(script.startsWith(nativeRemoval("ip6")));
  assert(script.includes("ip6 daddr fd00:ec2::254 tcp dport 80"));
});

Deno.test("parseNativeTable() finds the rule that nativeScript() writes", () => {
  const listed = nativeScript(RULE).split("\n").slice(2).join("\n");
  const table = parseNativeTable(listed);
  assertEquals(table.rules.length, 1);
  assert(isExactlyNative(table, RULE));
  assert(!isExactlyNative(table, { ...RULE, port: 4001 }));
  assert(!isExactlyNative({ present: true, rules: [] }, RULE));
});
