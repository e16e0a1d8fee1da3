/**
 * The services that clients ask: what each of them does to its clients, and
 * who of them gives up there, asked directly.
 *
 * @module
 */
import { assertThrows } from "@std/assert";
import { testWith, whyNot } from "../helpers/requires.ts";
import { type Client, CLIENTS, runClient } from "./clients.ts";
import { assertEmulated, assertSaw, withinOneHour } from "./comparison.ts";
import { createStage, type Stage, STAGE_NEEDS } from "./stage.ts";

/** A service. */
export interface Service {
  /** The head of its column in docs/clients.md. */
  readonly title: string;
  /** What it does, behind "a service that …". */
  readonly does: string;
  /** Flags of what it answers from. */
  readonly simulate?: readonly string[];
  /** Flags of the service. */
  readonly flags: readonly string[];
  /** The names of the clients that do not get what they want. */
  readonly givesUp: readonly string[];
  /**
   * How often a client may try: where the service leaves it little of its own
   * time, a busy machine may take the rest, directly as well.
   */
  readonly tries?: number;
}

/** Every service. */
export const SERVICES: readonly Service[] = [
  {
    title: "as EC2's",
    does: "closes each connection and answers IMDSv2 alone, one hop far",
    simulate: ["--require-v2"],
    flags: ["--hop-limit=1"],
    givesUp: CLIENTS.filter((it) => it.tokenless).map(({ name }) => name),
  },
  {
    title: "keeps connections",
    does: "keeps connections",
    flags: ["--keep"],
    givesUp: [],
  },
  {
    title: "401 to a used token",
    does: "answers 401 to a token that was shown for two paths",
    flags: ["--uses=2"],
    givesUp: [
      "afterburn",
      "the AWS SDK for Go v1",
      "the AWS SDK for Java v2",
      "the AWS SDK for Rust",
    ],
  },
  {
    title: "503 at first",
    does: "answers 503 to the first use of a token",
    flags: ["--unready"],
    givesUp: [
      "boto3 of Debian",
      "boto3 of PyPI",
      "the AWS CLI",
      "the AWS SDK for Java v2",
      "the AWS SDK for JavaScript",
    ],
  },
  {
    title: "0.4 s",
    does: "takes 0.4 s for each answer",
    flags: ["--delay=0.4"],
    givesUp: [],
    tries: 3,
  },
  {
    title: "0.8 s",
    does: "takes 0.8 s for each answer",
    flags: ["--delay=0.8"],
    givesUp: ["cloud-provider-aws", "the AWS SDK for Go v2"],
    tries: 5,
  },
];

/** How many clients of a file run at one time, each in three ways. */
const AT_ONE_TIME = 2;

/** Three files share the services, and so the time they take. */
export function testThird(third: 0 | 1 | 2): void {
  SERVICES.filter((_, i) => i % 3 === third).forEach(testClients);
}

/** Registers the test of every client with a service. */
function testClients(service: Service): void {
  testWith(STAGE_NEEDS)(
    `clients see the emulated region, and no other difference, of a service that ${service.does}`,
    async (t) => {
      await using stack = new AsyncDisposableStack();
      const stage = await createStage(stack, service.simulate, service.flags);
      const faults = new Map<Client, unknown>(
        CLIENTS.map((it) => [it, new Error("It did not run")]),
      );
      const waiting = CLIENTS.filter((it) => whyNot(it.needs) === undefined)
        .values();
      await Promise.all(Array.from({ length: AT_ONE_TIME }, async () => {
        for (const client of waiting) {
          for (let tries = service.tries ?? 1; tries > 0; tries--) {
            try {
              await compare(client, service, stage);
              faults.delete(client);
              break;
            } catch (error) {
              faults.set(client, error);
            }
          }
        }
      }));
      for (const client of CLIENTS) {
        const reason = whyNot(client.needs);
        await t.step({
          name: client.name + (reason ? ` (skipped: ${reason})` : ""),
          ignore: reason !== undefined,
          fn: () => {
            if (faults.has(client)) throw faults.get(client);
          },
        });
      }
    },
  );
}

/** Runs a client in each of its ways. */
async function compare(
  client: Client,
  { givesUp }: Service,
  { machine, proxy, node }: Stage,
): Promise<void> {
  const [direct, ...shown] = await withinOneHour(() =>
    Promise.all([
      runClient(client, machine),
      runClient(client, node),
      ...client.fixed ? [] : [runClient(client, machine, proxy)],
    ])
  );
  const sees = () => assertSaw(client, direct);
  if (givesUp.includes(client.name)) assertThrows(sees, Error);
  else sees();
  for (const proxied of shown) assertEmulated(client, direct, proxied);
}
