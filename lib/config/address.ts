/**
 * IP addresses, ports, and the pairs of them that the program listens on and
 * asks.
 *
 * @module
 */
import { isIPv4, isIPv6 } from "./ip_address.ts";
import { type Given, refuse } from "./given.ts";
import type { ListenAddress, UpstreamAddress } from "./serve_config.ts";

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

/** The last label of what a resolver would read as an IPv4 address. */
const NUMERIC_END = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i;

/** One spelling for each IPv6 address; `undefined` for what is none. */
function canonicalIPv6(text: string): string | undefined {
  // A zone would name an interface of this one machine.
  if (!isIPv6(text) || text.includes("%")) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function portNumber(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/**
 * Reads a port from 0 to 65535, where 0 takes a free one.
 *
 * @throws {UsageError} for anything else
 */
export function parsePort(given: Given): number {
  return portNumber(given.text) ?? refuse(given, "a port from 0 to 65535");
}

/**
 * Reads HOST:PORT, where HOST is an IP address and port 0 takes a free one.
 *
 * @throws {UsageError} for anything else, names included
 */
export function parseListenAddress(given: Given): ListenAddress {
  const { v6, host = "", port = "" } = given.text.match(HOST_PORT)?.groups ??
    refuse(given, "HOST:PORT, such as 127.0.0.1:4000 or [::1]:4000");
  const hostname = v6 === undefined
    ? isIPv4(host) ? host : undefined
    : canonicalIPv6(v6);
  if (hostname === undefined) {
    return refuse(
      given,
      host.toLowerCase() === "localhost"
        ? "an IP address, 127.0.0.1 instead of localhost"
        : "an IP address before the port, such as 127.0.0.1 or [::1]",
    );
  }
  return {
    hostname,
    port: portNumber(port) ?? refuse(given, "a port from 0 to 65535"),
  };
}

function hostOf(name: string): string | undefined {
  if (NUMERIC_END.test(name)) return isIPv4(name) ? name : undefined;
  return HOST_NAME.test(name) ? name.toLowerCase() : undefined;
}

/**
 * Reads the host of an upstream: a name, or an IP address without brackets.
 *
 * @throws {UsageError} for anything else
 */
export function parseHost(given: Given): string {
  return hostOf(given.text) ?? canonicalIPv6(given.text) ??
    refuse(given, "a host name or IP address");
}

/**
 * Reads a port that can be asked, from 1 to 65535.
 *
 * @throws {UsageError} for anything else
 */
export function parseRemotePort(given: Given): number {
  return portNumber(given.text) || refuse(given, "a port from 1 to 65535");
}

/**
 * Reads the upstream's URL: `http://HOST[:PORT]` and nothing more.
 *
 * @throws {UsageError} for anything else
 */
export function parseUpstream(given: Given): UpstreamAddress {
  const { v6, host = "", port } = given.text.match(HTTP_URL)?.groups ??
    refuse(
      // A password belongs in no message.
      { ...given, text: given.text.replace(/\/\/.*@/s, "//…@") },
      "http://HOST[:PORT] without user, path or query",
    );
  const hostname = v6 === undefined ? hostOf(host) : canonicalIPv6(v6);
  return {
    hostname: hostname ??
      refuse(given, "a host name or IP address after http://"),
    port: port === undefined
      ? HTTP_PORT
      : portNumber(port) || refuse(given, "a port from 1 to 65535"),
  };
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
