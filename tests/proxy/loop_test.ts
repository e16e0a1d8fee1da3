import { assertEquals, assertMatch } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import { startProgram } from "../helpers/program.ts";
import { ask, get } from "../helpers/raw.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { startUnderTest } from "./under_test.ts";

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("startProxy() answers 508 when it is its own upstream", async () => {
  const address = { hostname: "127.0.0.1", port: freePort() };
  await using proxy = await startUnderTest(address, { listen: [address] });
  for (let i = 0; i < 3; i++) {
    const { status, body } = await ask(proxy.address, get("/latest/"));
    assertEquals(status, 508);
    assertMatch(body, /^c2s-imds: Loop detected: [^\n]+\n$/);
  }
  assertEquals(proxy.warnings.length, 1);
  assertMatch(proxy.warnings[0] ?? "", /a request of this proxy came back/);
});

testWith(
  [
    ...NAMESPACES,
    { command: "iptables", from: "iptables" },
    { command: "curl", from: "curl" },
  ],
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
      ...["curl", "--silent", "--max-time", "5"],
      ...["--write-out", "%{http_code}", "http://169.254.169.254/latest/"],
    ]);
    assertMatch(seen, /^c2s-imds: Loop detected: [^\n]+\n508$/);
    assertMatch(proxy.stderr(), /the rule must exempt the uid/);
    assertEquals(proxy.stderr().match(/came back/g)?.length, 1);
  },
);

testWith(
  [
    ...NAMESPACES,
    { command: "iptables", from: "iptables" },
    { command: "curl", from: "curl" },
  ],
  "serve asks on others when three connections lead back to it",
  async () => {
    await using node = await createNamespace(["169.254.169.254/32"]);
    await using _service = await startProgram(
      ["simulate", "--listen=169.254.169.254:80", "--listen-anywhere"],
      { namespace: node.name },
    );
    // All but every fourth, as if they had the ports of some that were reset.
    for (
      const rule of [
        "-m statistic --mode nth --every 4 --packet 3 -j RETURN",
        "-p tcp --dport 80 -j REDIRECT --to-ports 4000",
      ]
    ) {
      await node.must([
        ...["iptables", "-t", "nat", "-A", "OUTPUT", "-d", "169.254.169.254"],
        ...rule.split(" "),
      ]);
    }
    await using proxy = await startProgram(
      ["serve", "--listen=127.0.0.1:4000", "--admin=127.0.0.1:4001"],
      { namespace: node.name },
    );
    const see = (url: string) =>
      node.must(["curl", "--silent", "--max-time", "5", url]);
    const region = "/latest/meta-data/placement/region";
    assertEquals(await see(`http://127.0.0.1:4000${region}`), "us-iso-east-1");
    const metrics = await see("http://127.0.0.1:4001/metrics");
    // Some came back, and no client saw it.
    assertMatch(metrics, /^c2s_imds_requests_total\{code="5xx"\} [1-9]/m);
    assertMatch(metrics, /^c2s_imds_loops_total 0$/m);
    assertEquals(proxy.stderr().match(/came back/g), null);
  },
);
