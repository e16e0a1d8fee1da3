/**
 * What parent and child tell each other: whole states, one JSON object a line,
 * over the child's standard input and output. The parent says what the child
 * shall be, the child says what it is. The end of the child's input means that
 * the parent is gone.
 *
 * @module
 */
import { LAST_PORT } from "../config/address.ts";
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "../config/serve_config.ts";
import type { RuleTally } from "../admin/readiness.ts";
import type { Owners } from "../system/socket_owners.ts";

/** What the child shall be. */
export interface DesiredChild {
  /** What it serves with; listeners and upstream are those of the first line. */
  readonly config: ServeConfig;
  /** What has happened to the rule, where there is one to keep. */
  readonly tally?: RuleTally;
  /** What is wrong with the rule; nothing where there is no `fault`. */
  readonly rule?: Answer & { readonly fault?: string | undefined };
  /** Who asks, where that is known. */
  readonly owners?: Answer & { readonly uids?: Owners | undefined };
  /** Where an upstream that moves is, or in one line why that is not known. */
  readonly upstream?:
    & Answer
    & ({ readonly address: UpstreamAddress } | { readonly reason: string });
  /**
   * Whether it finishes: it asks clients to close their connections, listens
   * until nobody has asked for so many milliseconds, and ends after the
   * requests in flight.
   */
  readonly drain?: { readonly lingerMs: number };
}

/** What only the parent can see, and the child asks it for. */
export const QUESTIONS = ["rule", "owners", "upstream"] as const;

/** One of {@linkcode QUESTIONS}. */
export type QuestionName = typeof QUESTIONS[number];

/** The parent's answer to a question. */
export interface Answer {
  /** How many questions of that name it answers. */
  readonly to: number;
}

/** What the child is; the parent trusts none of it further than it must. */
export interface ChildState {
  /** How many requests have come so far. */
  readonly requests: number;
  /** How many questions it has asked so far. */
  readonly asked: Readonly<Record<QuestionName, number>>;
  /** The port of each listener, in the order of the configuration. */
  readonly ports?: readonly number[];
  /** Why it cannot serve, in one line. */
  readonly failed?: string;
  /** Which address another program has, by its place in the configuration. */
  readonly taken?: number;
}

/** What a child is before it has said anything. */
export const NEW_CHILD: ChildState = {
  requests: 0,
  asked: { rule: 0, owners: 0, upstream: 0 },
};

const encoder = new TextEncoder();

/** One state as a line; a map becomes the list of its pairs. */
export function encodeLine(state: DesiredChild | ChildState): Uint8Array {
  const json = JSON.stringify(
    state,
    (_, value) => value instanceof Map ? [...value] : value,
  );
  return encoder.encode(`${json}\n`);
}

/**
 * Reads lines until the other side ends, whether or not the last one has an
 * end. What is longer than a line may be is cut.
 *
 * @param reader reads the pipe
 * @param longest the most characters of a line
 */
export async function* readLines(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  longest: number,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = lines.pop() ?? "";
    if (done ? rest !== "" : rest.length > longest) {
      lines.push(rest);
      rest = "";
    }
    for (const line of lines) yield line.slice(0, longest);
    if (done) return;
  }
}

/**
 * Reads what a child says. Its ports go into what root feeds to iptables.
 *
 * @param line one line of it
 * @param listen where it was told to listen
 * @throws {Error} when that is anything but the state of such a child
 */
export function parseChildState(
  line: string,
  listen: readonly ListenAddress[],
): ChildState {
  const said = JSON.parse(line);
  const { requests, asked, ports, failed, taken, ...more } = said ?? {};
  const isSound = isCount(requests) &&
    QUESTIONS.every((name) => isCount(asked?.[name])) &&
    (ports === undefined || arePorts(ports, listen)) &&
    (failed === undefined || typeof failed === "string") &&
    (taken === undefined || isCount(taken) && taken < listen.length) &&
    Object.keys(more).length === 0;
  if (!isSound) throw new Error("Not the state of a child");
  return said;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A child chooses a port only where it was told to choose one. */
function arePorts(ports: unknown, listen: readonly ListenAddress[]): boolean {
  return Array.isArray(ports) && ports.length === listen.length &&
    listen.every(({ port }, i) =>
      port === 0
        ? isCount(ports[i]) && ports[i] > 0 && ports[i] <= LAST_PORT
        : port === ports[i]
    );
}
