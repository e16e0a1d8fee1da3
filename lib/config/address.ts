/**
 * IP addresses, ports, and the pairs of them that the program listens on and
 * asks.
 *
 * @module
 */
import { errorLine } from "../cli/message.ts";
import { refuse, type SourcedValue } from "../cli/options.ts";
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "./serve_config.ts";

/** One spelling for each host; `undefined` for what no URL can have. */
function canonicalHost(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname;
}

/**
 * Whether a text is an IPv4 address in its usual form. `node:net` knows, but
 * loading it takes 60 ms and 7 MB in every process.
 */
export function isIPv4(text: string): boolean {
  return /^[0-9.]+$/.test(text) && canonicalHost(text) === text;
}

/** Whether a text is an IPv6 address, in any form but with a zone. */
export function isIPv6(text: string): boolean {
  return canonicalIPv6(text) !== undefined;
}

/** One spelling for each IPv6 address; `undefined` for what is none. */
function canonicalIPv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text)) return undefined;
  return canonicalHost(`[${text}]`)?.slice(1, -1);
}

/** The port of a URL that names none. */
const HTTP_PORT = 80;

/** The shape of HOST:PORT; an IPv6 address stands in brackets. */
const HOST_PORT = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:]*)):(?<port>.*)$/s;

/** The shape of an upstream; a lone slash at its end does no harm. */
const HTTP_URL =
  /^http:\/\/(?:\[(?<v6>[^\]]*)\]|(?<host>[^:/?#@[\]]+))(?::(?<port>[^/?#@]*))?\/?$/i;

/** A host name as DNS has it, underscores allowed as in containers' names. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

/** The highest port. */
export const LAST_PORT = 65_535;

function portNumber(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= LAST_PORT ? port : undefined;
}

/**
 * Reads HOST:PORT, where HOST is an IP address and port 0 takes a free one.
 *
 * @throws {UsageError} for anything else, names included
 */
export function parseListenAddress(value: SourcedValue): ListenAddress {
  const { v6, host = "", port = "" } = value.text.match(HOST_PORT)?.groups ??
    refuse(value, "HOST:PORT, such as 127.0.0.1:4000 or [::1]:4000");
  const hostname = v6 === undefined
    ? isIPv4(host) ? host : undefined
    : canonicalIPv6(v6);
  return {
    hostname: hostname ??
      refuse(
        value,
        "an IP address before the port, such as 127.0.0.1 or [::1]",
      ),
    port: portNumber(port) ?? refuse(value, "a port from 0 to 65535"),
  };
}

/** What a resolver would read as an IPv4 address must be one as written. */
function hostOf(name: string): string | undefined {
  const host = name.toLowerCase();
  return HOST_NAME.test(name) && canonicalHost(name) === host
    ? host
    : undefined;
}

/**
 * Reads a port that can be asked, from 1 to 65535.
 *
 * @throws {UsageError} for anything else
 */
export function parseRemotePort(value: SourcedValue): number {
  return portNumber(value.text) || refuse(value, "a port from 1 to 65535");
}

/**
 * Reads the upstream's URL: `http://HOST[:PORT]` and nothing more.
 *
 * @throws {UsageError} for anything else
 */
export function parseUpstream(value: SourcedValue): UpstreamAddress {
  const { v6, host = "", port } = value.text.match(HTTP_URL)?.groups ??
    refuse(
      // A password belongs in no message.
      { ...value, text: value.text.replace(/\/\/.*@/s, "//…@") },
      "http://HOST[:PORT] without user, path or query",
    );
  const hostname = v6 === undefined ? hostOf(host) : canonicalIPv6(v6);
  return {
    hostname: hostname ??
      refuse(value, "a host name or IP address after http://"),
    port: port === undefined
      ? HTTP_PORT
      : portNumber(port) || refuse(value, "a port from 1 to 65535"),
  };
}

/** What an upstream that is to be found begins with. */
const CLOUDSTACK = "cloudstack:";

/**
 * The names the kernel gives no interface, dev_valid_name() in net/core/dev.c:
 * too long, with a slash, a colon or white space, and those of folders.
 */
const INTERFACE_NAME = /^(?!\.{1,2}$)(?![^]*[/:])[!-~]{1,15}$/;

/**
 * Reads the name of a network interface.
 *
 * @throws {UsageError} for what no interface can be called
 */
export function parseInterfaceName(
  value: SourcedValue,
  name = value.text,
): string {
  const expected =
    "the name of an interface, up to 15 characters, such as eth0";
  return INTERFACE_NAME.test(name) ? name : refuse(value, expected);
}

/**
 * Reads `http://HOST[:PORT]` or `cloudstack:INTERFACE`.
 *
 * @throws {UsageError} for anything else
 */
export function parseUpstreamChoice(
  value: SourcedValue,
): Pick<ServeConfig, "upstream" | "discover"> {
  if (!value.text.startsWith(CLOUDSTACK)) {
    return { upstream: parseUpstream(value) };
  }
  const name = value.text.slice(CLOUDSTACK.length);
  return {
    // What its name server calls the service, as long as it is to be found.
    upstream: { hostname: "data-server", port: HTTP_PORT },
    discover: {
      interface: parseInterfaceName(value, name),
    },
  };
}

/** Writes what {@linkcode parseUpstreamChoice} reads for an interface. */
export function cloudstackUpstream(device: string): string {
  return `${CLOUDSTACK}${device}`;
}

/** Whether only this machine can reach an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "::1" || isIPv4(hostname) && hostname.startsWith("127.");
}

/** Writes HOST:PORT, an IPv6 address in brackets. */
export function formatAddress(
  { hostname, port }: ListenAddress | UpstreamAddress,
): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** What each error means; FLAG stands for the one that names the address. */
const REASONS = [
  [
    Deno.errors.AddrInUse,
    "another program has it, stop that one or choose another FLAG",
  ],
  [
    Deno.errors.AddrNotAvailable,
    "this machine has no such address, choose another FLAG",
  ],
  [
    Deno.errors.PermissionDenied,
    "no permission, choose a port from 1024 or grant CAP_NET_BIND_SERVICE",
  ],
] as const;

/** An address cannot be had; the message says why, and what to do. */
export class ListenError extends Error {
  /** The address, as it was asked for. */
  readonly address: ListenAddress;
  /** Whether another program has it. */
  readonly isTaken: boolean;

  /**
   * Makes the error.
   *
   * @param address the address
   * @param cause the system's error
   * @param flag the flag that names the address
   */
  constructor(address: ListenAddress, cause: unknown, flag = "--listen") {
    const reason = REASONS.find(([type]) => cause instanceof type)?.[1];
    const advice = reason?.replace("FLAG", flag) ?? errorLine(cause);
    super(`Cannot listen on ${formatAddress(address)}: ${advice}`);
    this.address = address;
    this.isTaken = cause instanceof Deno.errors.AddrInUse;
  }
}
