import { createNamespace } from "../helpers/namespace.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { type Client, CLIENTS, runClient, scriptPath } from "./clients.ts";
import { assertEmulated, withinOneHour } from "./comparison.ts";
import { SERVICE_NEED, startStage } from "./stage.ts";

function dataOf({ data }: Client): readonly string[] {
  return data === undefined ? [] : [`--data=${scriptPath(data)}`];
}

for (const client of CLIENTS) {
  const service = client.tokenless ? "IMDSv1" : "IMDSv2 alone";
  testWith([...NAMESPACES, SERVICE_NEED, ...client.needs])(
    `${client.name} sees the emulated region through the proxy of a service with ${service}`,
    async () => {
      await using namespace = await createNamespace();
      await using stage = await startStage(namespace, [
        ...dataOf(client),
        ...client.tokenless ? [] : ["--require-v2"],
      ]);
      const [direct, proxied] = await withinOneHour(() =>
        Promise.all([
          runClient(client, namespace, stage.service.url),
          runClient(client, namespace, stage.proxy.url),
        ])
      );
      assertEmulated(client, direct, proxied);
    },
  );
}
