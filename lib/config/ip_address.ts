/**
 * Whether a text is an IP address. `node:net` knows, but loading it takes 60 ms
 * and 7 MB in every process.
 *
 * @module
 */

const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`);

/** Whether a text is an IPv4 address in its usual form. */
export function isIPv4(text: string): boolean {
  return IPV4.test(text);
}

/** Whether a text is an IPv6 address, in any form but with a zone. */
export function isIPv6(text: string): boolean {
  return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`);
}
