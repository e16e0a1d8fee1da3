/**
 * What parent and child say to each other: one JSON object a line, over the
 * child's standard input and output. The end of the child's input means stop.
 *
 * @module
 */
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "../config/serve_config.ts";
import type { RuleTally } from "../admin/rule_view.ts";

/** Where an upstream that moves is, or in one line why that is not known. */
export type UpstreamNews =
  | { readonly address: UpstreamAddress }
  | { readonly reason: string };

/** What the parent says. */
export type ToChild =
  /** The first line: what to serve with. */
  | {
    readonly say: "serve";
    readonly config: PlainConfig;
    /** What has happened to the rule, where there is one to keep. */
    readonly rule?: RuleTally;
  }
  /** Serve by this from now on, where it can be changed. */
  | { readonly say: "configure"; readonly config: PlainConfig }
  /** Where the upstream is now. */
  | { readonly say: "upstream"; readonly news: UpstreamNews }
  /** What is wrong with the rule; without `fault` it is in place. */
  | { readonly say: "rule"; readonly fault?: string }
  /** Say that you are well. */
  | { readonly say: "ping"; readonly rule?: RuleTally }
  /**
   * Ask clients to close their connections, take no more once nobody has asked
   * for a while, finish the requests in flight, end.
   */
  | { readonly say: "drain"; readonly lingerMs: number };

/** What the child says. */
export type FromChild =
  /** Every listener is up. */
  | { readonly say: "listening"; readonly addresses: readonly ListenAddress[] }
  /** The answer to a ping. */
  | { readonly say: "pong" }
  /** The upstream cannot be reached there: where is it? */
  | { readonly say: "unreachable"; readonly address: UpstreamAddress }
  /** Somebody asks whether the rule is in place: is it? */
  | { readonly say: "look" }
  /** It cannot serve, and why. */
  | { readonly say: "failed"; readonly reason: string };

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

/** One message as a line. */
export function encode(message: ToChild | FromChild): Uint8Array {
  return encoder.encode(`${JSON.stringify(message)}\n`);
}

/** The most characters of a message; a configuration has about 500. */
const MOST_CHARACTERS = 1024 * 1024;

/**
 * Reads messages until the other side ends.
 *
 * @param stream the pipe
 * @throws {Error} when what comes is no message
 */
export async function* decode<T extends ToChild | FromChild>(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<T> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as T;
    if (rest.length > MOST_CHARACTERS) {
      throw new Error("Cannot read a message: it has no end");
    }
  }
}
