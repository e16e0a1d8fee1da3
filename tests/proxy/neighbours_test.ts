import { assertEquals } from "@std/assert";
import { layCable } from "../helpers/cable.ts";
import { createNamespace, type Namespace } from "../helpers/namespace.ts";
import { until } from "../helpers/node.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const NODE = ["10.77.0.1/24", "fd77::1/64"];
const NEIGHBOUR = ["10.77.0.2/24", "fd77::2/64"];
const REGION = "latest/meta-data/placement/region";

/** The status and the body a client in a namespace gets. */
async function see(from: Namespace, url: string): Promise<string> {
  return await from.must([
    ...["curl", "--silent", "--globoff", "--max-time", "30"],
    ...["--retry-connrefused", "--retry", "3", "--retry-delay", "1"],
    ...["--write-out", " %{http_code}", url],
  ]);
}

const CASES = [
  ["0.0.0.0", ["10.77.0.1", "127.0.0.1"]],
  ["[::]", ["[fd77::1]", "[::1]", "10.77.0.1", "127.0.0.1"]],
] as const;

for (const [listen, addresses] of CASES) {
  testWith([...NAMESPACES, { command: "curl", from: "curl" }])(
    `serve on ${listen} answers its own node and nobody else`,
    async () => {
      await using node = await createNamespace();
      await using neighbour = await createNamespace();
      await layCable(
        { namespace: node, device: "eth0", addresses: NODE },
        { namespace: neighbour, device: "eth0", addresses: NEIGHBOUR },
      );
      const inNode = { namespace: node.name };
      await using simulator = await startProgram(
        ["simulate", "--listen=127.0.0.1:1338"],
        inNode,
      );
      await using proxy = await startProgram([
        "serve",
        `--listen=${listen}:4000`,
        "--listen-anywhere",
        `--upstream=${simulator.url}`,
      ], inNode);
      for (const address of addresses) {
        const url = `http://${address}:4000/${REGION}`;
        assertEquals(await see(node, url), "us-iso-east-1 200", url);
        if (/^(?:127\.|\[::1)/.test(address)) continue;
        assertEquals(
          await see(neighbour, url),
          "c2s-imds: Only this node itself may ask\n 403",
          url,
        );
      }
      await until(
        "it is logged",
        () =>
          /warn refused a peer that is not this node peer="?(?:::ffff:)?(?:10\.77\.0\.2|fd77::2)/
            .test(proxy.stderr()),
      );
    },
  );
}
