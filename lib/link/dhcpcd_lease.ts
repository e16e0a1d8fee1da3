/**
 * The lease of dhcpcd: the DHCP message of the server as it came, in
 * `/var/lib/dhcpcd/INTERFACE.lease`. RFC 2131 section 2 and RFC 2132.
 *
 * @module
 */
import { routerAddress } from "./router_address.ts";

/** Where the options begin: after 236 bytes of fields and the magic cookie. */
const OPTIONS_AT = 240;
const COOKIE = [99, 130, 83, 99];

const PAD = 0;
const LEASE_TIME = 51;
const SERVER_IDENTIFIER = 54;
const END = 255;

/**
 * Reads the DHCP server out of the message. dhcpcd renews the file with the
 * lease, which therefore ends its time after the file was written.
 *
 * @param message the file
 * @param modifiedMs when it was written, in milliseconds since 1970
 * @param nowMs the time, likewise
 */
export function parseDhcpcdLease(
  message: Uint8Array,
  modifiedMs: number,
  nowMs: number,
): string | undefined {
  if (COOKIE.some((byte, i) => message[OPTIONS_AT - 4 + i] !== byte)) {
    return undefined;
  }
  const options = readOptions(message.subarray(OPTIONS_AT));
  const seconds = options.get(LEASE_TIME)?.reduce(
    (sum, byte) => sum * 256 + byte,
    0,
  ) ?? Infinity;
  if (modifiedMs + seconds * 1000 <= nowMs) return undefined;
  return routerAddress(options.get(SERVER_IDENTIFIER)?.join("."));
}

function readOptions(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at++] ?? END;
    if (code === END) break;
    if (code === PAD) continue;
    const length = bytes[at++] ?? 0;
    options.set(code, bytes.subarray(at, at + length));
    at += length;
  }
  return options;
}
