import { createNamespace } from "../helpers/namespace.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { type Client, CLIENTS, runClient, scriptPath } from "./clients.ts";
import { assertEmulated, withinOneHour } from "./comparison.ts";

const PYTHON = { command: "/usr/bin/python3", from: "python3" };

function dataOf({ data }: Client): readonly string[] {
  return data === undefined
    ? []
    : [`--data=${new URL(data, import.meta.url).pathname}`];
}

for (const client of CLIENTS) {
  const service = client.tokenless ? "IMDSv1" : "IMDSv2 alone";
  testWith([...NAMESPACES, PYTHON, ...client.needs])(
    `${client.name} sees the emulated region through the proxy of a service with ${service}`,
    async () => {
      await using namespace = await createNamespace();
      const inside = { namespace: namespace.name };
      await using tree = await startProgram([
        ...["simulate", "--listen=127.0.0.1:0", ...dataOf(client)],
        ...client.tokenless ? [] : ["--require-v2"],
      ], inside);
      // No `Deno.serve`, which could hide a fault of its own on both sides.
      await using service = await startProgram([`--tree=${tree.url}`], {
        ...inside,
        command: ["/usr/bin/python3", scriptPath("service.py")],
      });
      await using proxy = await startProgram(
        ["serve", "--listen=127.0.0.1:0", `--upstream=${service.url}`],
        inside,
      );
      const [direct, proxied] = await withinOneHour(() =>
        Promise.all([
          runClient(client, namespace, service.url),
          runClient(client, namespace, proxy.url),
        ])
      );
      assertEmulated(client, direct, proxied);
    },
  );
}
