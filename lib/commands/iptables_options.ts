/**
 * What `c2s-imds iptables` is asked to do.
 *
 * @module
 */
import {
  isIPv4,
  parseListenAddress,
  parseRemotePort,
} from "../config/address.ts";
import {
  parseChoice,
  parseUser,
  refuse,
  type SourcedValue,
  type User,
} from "../config/sourced_value.ts";
import { type Option, parseAction, parseOptions } from "../cli/options.ts";
import { UsageError } from "../cli/message.ts";
import {
  BACKEND_CHOICES,
  type BackendChoice,
  DEFAULT_DESTINATION,
  type Destination,
  renderDestination,
} from "../rule/rule.ts";

/** What can be done with the rule. */
export const ACTIONS = ["install", "remove", "status"] as const;

const DEFAULTS = {
  user: "10169",
  port: "4000",
  destination: renderDestination(DEFAULT_DESTINATION),
  backend: "auto",
} as const;

/** The options of `iptables`. */
export const OPTIONS: readonly Option[] = [
  {
    name: "user",
    value: "NAME|UID",
    help: "The proxy's user, who is exempt; not root",
    fallback: DEFAULTS.user,
  },
  {
    name: "port",
    value: "PORT",
    help: "The proxy's port on 127.0.0.1",
    fallback: DEFAULTS.port,
  },
  {
    name: "destination",
    value: "HOST:PORT",
    help: "The metadata service's IPv4 address",
    fallback: DEFAULTS.destination,
  },
  {
    name: "ipv6",
    help: "Redirects IPv6 too, to [::1]; false leaves it alone",
  },
  {
    name: "backend",
    value: "BACKEND",
    help: BACKEND_CHOICES.join(", "),
    fallback: DEFAULTS.backend,
  },
  {
    name: "dry-run",
    help: "Prints what would be fed to iptables",
  },
  { name: "json", help: "Prints the status as one JSON object" },
];

/** What was asked for. */
export interface IptablesRequest {
  /** What to do. */
  readonly action: typeof ACTIONS[number];
  /** The proxy's user. */
  readonly user: User;
  /** The proxy's port. */
  readonly port: number;
  /** The service's IPv4 address. */
  readonly destination: Destination;
  /** What becomes of the IPv6 address: redirected, refused, or left alone. */
  readonly ipv6: "redirect" | "guard" | "none";
  /** The backend to use. */
  readonly backend: BackendChoice;
  /** Whether only to print. */
  readonly dryRun: boolean;
  /** Whether the status is printed as JSON. */
  readonly json: boolean;
}

/**
 * Reads the arguments after `iptables`.
 *
 * @throws {UsageError} that names the option, the value and what was expected
 */
export function parseRequest(args: readonly string[]): IptablesRequest {
  const { given, words } = parseOptions(args, OPTIONS);
  const action = parseAction(words, ACTIONS);
  const value = (name: keyof typeof DEFAULTS): SourcedValue => ({
    text: given.get(name)?.[0] ?? DEFAULTS[name],
    source: `--${name}`,
  });
  const flag = (name: string) => given.get(name)?.[0] === "true";
  if (flag("json") && action !== "status") {
    throw new UsageError(`Cannot use --json with ${action}: status has it`);
  }
  if (flag("dry-run") && action === "status") {
    throw new UsageError(
      "Cannot use --dry-run with status: it changes nothing anyway",
    );
  }
  return {
    action,
    user: parseUser(value("user")),
    port: parseRemotePort(value("port")),
    destination: parseDestination(value("destination")),
    ipv6: !given.has("ipv6") ? "guard" : flag("ipv6") ? "redirect" : "none",
    backend: parseChoice(value("backend"), BACKEND_CHOICES),
    dryRun: flag("dry-run"),
    json: flag("json"),
  };
}

function parseDestination(given: SourcedValue): Destination {
  const { hostname, port } = parseListenAddress(given);
  if (!isIPv4(hostname)) {
    refuse(given, "an IPv4 address and a port, --ipv6 adds the IPv6 one");
  }
  if (port === 0) refuse(given, "a port from 1 to 65535");
  return { family: "ip", address: hostname, addressPort: port };
}
