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

const REDIRECTED = [
  ["iptables", "127.0.0.1", "169.254.169.254"],
  ["ip6tables", "[::1]", "[fd00:ec2::254]"],
] as const;

for (const [iptables, loopback, service] of REDIRECTED) {
  testWith([
    ...NAMESPACES,
    { command: "iptables", from: "iptables" },
    { command: "curl", from: "curl" },
  ])(
    `serve answers 508 when the rule does not exempt it (${iptables})`,
    async () => {
      const address = service.replace(/[[\]]/g, "");
      await using node = await createNamespace([
        `${address}/${iptables === "iptables" ? 32 : 128}`,
      ]);
      await node.must([
        ...[iptables, "-t", "nat", "-A", "OUTPUT", "-d", address, "-p", "tcp"],
        ...["--dport", "80", "-j", "REDIRECT", "--to-ports", "4000"],
      ]);
      await using proxy = await startProgram(
        ["serve", `--listen=${loopback}:4000`, `--upstream=http://${service}`],
        { namespace: node.name },
      );
      const seen = await node.must([
        ...["curl", "--silent", "--globoff", "--max-time", "30"],
        ...["--write-out", "%{http_code}", `http://${service}/latest/`],
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
}
