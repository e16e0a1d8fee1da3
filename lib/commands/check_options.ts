/**
 * What `c2s-imds check` is asked to do.
 *
 * @module
 */
import {
  formatAddress,
  isIPv4,
  isIPv6,
  isLoopback,
  parseUpstream,
} from "../config/address.ts";
import { fromFlags, type Option } from "../config/options.ts";
import {
  parseSeconds,
  refuse,
  type SourcedValue,
  type SourcedValues,
  type User,
} from "../config/sourced_value.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import type { UpstreamAddress } from "../config/serve_config.ts";
import {
  EMULATED_REGION,
  METADATA_HOST,
  REAL_REGION,
  SERVE_OPTIONS,
} from "../config/serve_options.ts";
import { UsageError } from "../config/usage_error.ts";
import { type Promised, promisesOf } from "../metadata/promises.ts";
import type { RegionMap } from "../config/regions.ts";
import type { Destination } from "../rule/rule.ts";
import { rulePorts } from "../supervisor/rule_ports.ts";
import type { Io } from "./command.ts";

const DEFAULT_URL = `http://${METADATA_HOST}`;

/** A day: whoever asks for more has made a slip. */
const LONGEST_SECONDS = 86_400;

/** What `check` takes over from `serve`, so that both can be told alike. */
const SHARED = ["region", "profile", "user", "config"];

/** The options of `check`. */
export const OPTIONS: readonly Option[] = [
  {
    name: "url",
    value: "URL",
    help: "The metadata service as clients reach it",
    fallback: DEFAULT_URL,
  },
  {
    name: "wait",
    value: "SECONDS",
    help: "Asks again until the emulated region is seen",
    fallback: "0",
  },
  { name: "json", help: "Prints the report as one JSON object" },
  {
    name: "port",
    value: "PORT",
    help: "The proxy's port on 127.0.0.1",
    fallback: "4000",
  },
  ...SERVE_OPTIONS.filter(({ name }) => SHARED.includes(name)),
];

/** What was asked for. */
export interface CheckRequest {
  /** The service as `http://HOST[:PORT]`. */
  readonly url: string;
  /** What a rule would have to catch; `undefined` where none can. */
  readonly destination: Destination | undefined;
  /** Emulated regions by real ones, at least one. */
  readonly regions: RegionMap;
  /** What clients must see beside the region. */
  readonly promised: readonly Promised[];
  /** The proxy's user. */
  readonly user: User;
  /** The proxy's port on the loopback address. */
  readonly port: number;
  /** How long to wait for the emulated region, in milliseconds. */
  readonly waitMs: number;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/**
 * Reads the arguments after `check`, and what `serve` would read: variables
 * and the configuration file.
 *
 * @throws {UsageError} that names the option, the value and what was expected
 */
export function parseRequest(args: readonly string[], io: Io): CheckRequest {
  const givens = fromFlags(args, OPTIONS);
  const { regions, identity, node, listen } = readServeConfig(
    [...SHARED, "port"].flatMap((name) => again(givens, name)),
    io.env,
    io.readTextFile,
  );
  if (regions.size === 0) {
    throw new UsageError(
      `Cannot check without an emulated region: expected --region REAL=EMULATED, such as ${REAL_REGION}=${EMULATED_REGION}`,
    );
  }
  const service = parseUpstream(only(givens, "url", DEFAULT_URL));
  const port = rulePorts(listen).ip ?? listen[0]?.port ?? 0;
  const destination = destinationOf(service);
  if (port === 0 && destination !== undefined) {
    refuse(only(givens, "port", "0"), "the port that the proxy has");
  }
  return {
    url: `http://${formatAddress(service).replace(/:80$/, "")}`,
    destination,
    regions,
    promised: promisesOf(identity),
    user: node.user,
    port,
    waitMs: parseSeconds(only(givens, "wait", "0"), {
      least: 0,
      most: LONGEST_SECONDS,
    }),
    json: givens.get("json")?.[0]?.text === "true",
  };
}

/** A flag as an argument of `serve`. */
function again(givens: SourcedValues, name: string): readonly string[] {
  return (givens.get(name) ?? []).map(({ text }) => `--${name}=${text}`);
}

function only(
  givens: SourcedValues,
  name: string,
  fallback: string,
): SourcedValue {
  return givens.get(name)?.[0] ?? { text: fallback, source: `--${name}` };
}

/** The rule catches addresses; what is on loopback already needs no rule. */
function destinationOf(
  { hostname, port }: UpstreamAddress,
): Destination | undefined {
  if (isLoopback(hostname)) return undefined;
  const to = { address: hostname, addressPort: port };
  if (isIPv4(hostname)) return { family: "ip", ...to };
  return isIPv6(hostname) ? { family: "ip6", ...to } : undefined;
}
