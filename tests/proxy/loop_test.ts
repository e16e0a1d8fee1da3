import { assertEquals, assertMatch } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import { until } from "../helpers/node.ts";
import { startProgram } from "../helpers/program.ts";
import { ask, get } from "../helpers/raw.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { nowhere } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`startProxy() answers 508 before it shares any answer, when it is its own upstream at ${hostname}`, async () => {
    const address = nowhere(hostname);
    await using proxy = await startUnderTest(address, { listen: [address] });
    // What is not rewritten goes up, and comes back, just as it was asked.
    const targets = ["/latest/", "/latest/user-data", "/latest/user-data"];
    for (const target of targets) {
      const { status, body } = await ask(proxy.address, get(target));
      assertEquals(status, 508);
      assertMatch(body, /^c2s-imds: Loop detected: [^\n]+\n$/);
    }
    assertEquals(proxy.warnings.length, 1);
    assertMatch(proxy.warnings[0] ?? "", /a request of this proxy came back/);
  });
}

testWith([
  ...NAMESPACES,
  { command: "iptables", from: "iptables" },
  { command: "curl", from: "curl" },
])(
  "serve answers 508 when the rule does not exempt it",
  async () => {
    await using node = await createNamespace(["169.254.169.254/32"]);
    await node.must([
      ...["iptables", "-t", "nat", "-A", "OUTPUT", "-d", "169.254.169.254"],
      ...["-p", "tcp", "--dport", "80", "-j", "REDIRECT", "--to-ports", "4000"],
    ]);
    await using proxy = await startProgram(
      ["serve", "--listen=127.0.0.1:4000"],
      { namespace: node.name },
    );
    const seen = await node.must([
      ...["curl", "--silent", "--max-time", "30"],
      ...["--write-out", "%{http_code}", "http://169.254.169.254/latest/"],
    ]);
    assertMatch(seen, /^c2s-imds: Loop detected: [^\n]+\n508$/);
    // What it writes comes by another way than its answer.
    await until(
      "it is logged",
      () => /the rule must exempt the uid/.test(proxy.stderr()),
    );
    assertEquals(proxy.stderr().match(/came back/g)?.length, 1);
  },
);
