import { createNamespace } from "../helpers/namespace.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { type Client, CLIENTS, runClient, scriptPath } from "./clients.ts";
import { assertEmulated, withinOneHour } from "./comparison.ts";

const PYTHON = { command: "/usr/bin/python3", from: "python3" };

const SERVICES = [
  { name: "a service with IMDSv1 and IMDSv2", flags: [], tokens: false },
  {
    name: "a service with IMDSv2 alone",
    flags: ["--require-v2"],
    tokens: true,
  },
];

function dataOf({ data }: Client): readonly string[] {
  return data === undefined
    ? []
    : [`--data=${new URL(data, import.meta.url).pathname}`];
}

for (const client of CLIENTS) {
  for (const { name, flags, tokens } of SERVICES) {
    if (tokens && client.tokenless) continue;
    testWith([...NAMESPACES, PYTHON, ...client.needs])(
      `${client.name} sees the emulated region through the proxy of ${name}`,
      async () => {
        await using namespace = await createNamespace();
        await using tree = await startProgram(
          ["simulate", "--listen=127.0.0.1:0", ...flags, ...dataOf(client)],
          { namespace: namespace.name },
        );
        // No `Deno.serve`, which could hide a fault of its own on both sides.
        await using service = await startProgram([`--tree=${tree.url}`], {
          namespace: namespace.name,
          command: ["/usr/bin/python3", scriptPath("service.py")],
        });
        await using proxy = await startProgram(
          ["serve", "--listen=127.0.0.1:0", `--upstream=${service.url}`],
          { namespace: namespace.name },
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
}
