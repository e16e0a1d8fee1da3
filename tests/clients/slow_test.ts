import { assertEquals } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { type Client, CLIENTS, runClient } from "./clients.ts";
import { assertEmulated, withinOneHour } from "./comparison.ts";
import { SERVICE_NEED, startStage } from "./stage.ts";

/**
 * How long the service thinks about each answer, in seconds, and who waits so
 * long for it: the SDK for Go v2 gives up after half a second, botocore and the
 * SDK for Go v1 after one.
 */
const SLOW: ReadonlyArray<readonly [number, string, boolean]> = [
  [0.4, "the AWS SDK for Go v2", true],
  [0.75, "the AWS SDK for Go v2", false],
  [0.75, "the AWS SDK for Go v1", true],
  [0.75, "botocore", true],
];

/**
 * How often a client may try: a busy machine may take what the service left of
 * its time, directly as well as through the proxy.
 */
const TRIES = 3;

/** A client of the table, which asks for little where it takes long. */
function patientClient(name: string): Client {
  const client = CLIENTS.find((it) => it.name === name);
  if (client === undefined) throw new TypeError(`No client ${name}`);
  if (!name.includes("Go")) return client;
  return {
    ...client,
    command: async () => [...await client.command(), "region", "credentials"],
    changes: { region: ["us-east-1", "us-iso-east-1"] },
    kept: {
      "credentials/token": client.kept["credentials/token"] ?? null,
    },
  };
}

for (const [delay, name, waits] of SLOW) {
  const client = patientClient(name);
  testWith([...NAMESPACES, SERVICE_NEED, ...client.needs])(
    `${name} gets ${
      waits ? "the same" : "nothing either"
    } through the proxy of a service that takes ${delay} s`,
    async () => {
      await using namespace = await createNamespace();
      await using stage = await startStage(namespace, [], [`--delay=${delay}`]);
      const { service, proxy } = stage;
      for (let tries = 1;; tries++) {
        const [direct, proxied] = await withinOneHour(() =>
          Promise.all([
            runClient(client, namespace, service.url),
            runClient(client, namespace, proxy.url),
          ])
        );
        try {
          if (waits) assertEmulated(client, direct, proxied);
          else assertEquals(proxied, direct);
          return;
        } catch (error) {
          if (tries === TRIES) throw error;
        }
      }
    },
  );
}
