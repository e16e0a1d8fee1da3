/**
 * What parent and child tell each other: whole states, one JSON object a line,
 * over the child's standard input and output. The parent says what the child
 * shall be, the child says what it is. The end of the child's input means that
 * the parent is gone.
 *
 * @module
 */
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "../config/serve_config.ts";
import type { RuleTally } from "../observe/rule_view.ts";

/** Where an upstream that moves is, or in one line why that is not known. */
export type UpstreamNews =
  | { readonly address: UpstreamAddress }
  | { readonly reason: string };

/** What the child shall be. */
export interface DesiredChild {
  /** The number of this line, which the child's next lines repeat. */
  readonly line: number;
  /** What it serves with; listeners and upstream are those of the first line. */
  readonly config: PlainConfig;
  /** Where the upstream is, if it moves, and how many questions that answers. */
  readonly upstream?: UpstreamNews & { readonly answers: number };
  /** What has happened to the rule, where there is one to keep. */
  readonly tally?: RuleTally;
  /** What is wrong with the rule (nothing: no `fault`), as of which question. */
  readonly look?: { readonly answers: number; readonly fault?: string };
  /** Who asks, as of which question: uids by client, where that is known. */
  readonly owners?: {
    readonly answers: number;
    readonly uids?: Readonly<Record<string, number>>;
  };
  /**
   * Whether it finishes: it asks clients to close their connections, listens
   * until nobody has asked for so many milliseconds, and ends after the
   * requests in flight.
   */
  readonly drain?: { readonly lingerMs: number };
}

/** What the child is; the parent trusts none of it further than it must. */
export interface ChildState {
  /** The last line of the parent that it has read; 0 before the first. */
  readonly read: number;
  /** How many requests have come so far. */
  readonly requests: number;
  /** The port of each listener, in the order of the configuration. */
  readonly ports?: readonly number[];
  /** Why it cannot serve, in one line. */
  readonly failed?: string;
  /** Which address another program has, by its place in the configuration. */
  readonly taken?: number;
  /** How often an upstream could not be reached, and the last address of it. */
  readonly unreachable?: UpstreamAddress & { readonly times: number };
  /** How often somebody has asked whether the rule is in place. */
  readonly looks: number;
  /** How often it has had to know who asks, since many did. */
  readonly crowds?: number;
}

/** A configuration as JSON carries it. */
export type PlainConfig = Omit<ServeConfig, "regions"> & {
  /** Pairs of real and emulated region. */
  readonly regions: ReadonlyArray<readonly [string, string]>;
};

/** Makes a configuration fit for JSON. */
export function toPlain(config: ServeConfig): PlainConfig {
  return { ...config, regions: [...config.regions] };
}

/** Undoes {@linkcode toPlain}. */
export function fromPlain(plain: PlainConfig): ServeConfig {
  return { ...plain, regions: new Map(plain.regions) };
}

const encoder = new TextEncoder();

/** One state as a line. */
export function encodeLine(state: DesiredChild | ChildState): Uint8Array {
  return encoder.encode(`${JSON.stringify(state)}\n`);
}

/** The most characters of a desired state; a configuration has about 500. */
export const LONGEST_DESIRED = 1024 * 1024;

/** The most characters of a child's state. */
export const LONGEST_STATE = 8 * 1024;

/**
 * Reads lines until the other side ends.
 *
 * @param reader reads the pipe
 * @param longest the most characters of a line
 * @throws {Error} when a line is longer
 */
export async function* readLines(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  longest: number,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if ([rest, ...lines].some((line) => line.length > longest)) {
      throw new Error(`Cannot read a line of more than ${longest} characters`);
    }
    yield* lines;
  }
}

/** The highest port. */
const LAST_PORT = 65_535;

/**
 * Reads what a child says. Its ports go into what root feeds to iptables.
 *
 * @param line one line of it
 * @param asked where it was told to listen
 * @throws {Error} when that is anything but the state of such a child
 */
export function parseChildState(
  line: string,
  asked: readonly ListenAddress[],
): ChildState {
  const said = JSON.parse(line);
  const {
    read,
    requests,
    ports,
    failed,
    taken,
    unreachable,
    looks,
    crowds,
    ...more
  } = said ?? {};
  const isSound = [read, requests, looks, crowds ?? 0].every(isCount) &&
    (ports === undefined || arePorts(ports, asked)) &&
    (failed === undefined || typeof failed === "string") &&
    (taken === undefined || isCount(taken) && taken < asked.length) &&
    (unreachable === undefined || isUnreachable(unreachable)) &&
    Object.keys(more).length === 0;
  if (!isSound) throw new Error("Not the state of a child");
  return said;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isPort(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= LAST_PORT;
}

/** A child chooses a port only where it was told to choose one. */
function arePorts(ports: unknown, asked: readonly ListenAddress[]): boolean {
  return Array.isArray(ports) && ports.length === asked.length &&
    asked.every(({ port }, i) =>
      isPort(ports[i]) && (port === 0 || port === ports[i])
    );
}

function isUnreachable(value: unknown): boolean {
  const { hostname, port, times } = Object(value);
  return typeof hostname === "string" && isPort(port) && isCount(times);
}
