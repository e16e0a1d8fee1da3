/**
 * The upstream of `serve`: a URL, or how to find it.
 *
 * @module
 */
import { parseUpstream } from "./address.ts";
import { type Given, refuse } from "./given.ts";
import type { DiscoverConfig, UpstreamAddress } from "./serve_config.ts";

/** What an upstream that is to be found begins with. */
const CLOUDSTACK = "cloudstack:";

/** What CloudStack's name server calls its metadata service. */
const CLOUDSTACK_HOST: UpstreamAddress = Object.freeze({
  hostname: "data-server",
  port: 80,
});

/**
 * The names the kernel gives no interface, dev_valid_name() in net/core/dev.c:
 * too long, with a slash, a colon or white space, and those of folders.
 */
const INTERFACE_NAME = /^(?!\.{1,2}$)(?![^]*[/:])[!-~]{1,15}$/;

/** Where the upstream is, or how it is found. */
export interface UpstreamChoice {
  /** Where it is; its usual name while it has yet to be found. */
  readonly upstream: UpstreamAddress;
  /** How it is found. */
  readonly discover?: DiscoverConfig;
}

/**
 * Reads the name of a network interface.
 *
 * @throws {UsageError} for what no interface can be called
 */
export function parseInterfaceName(given: Given, name = given.text): string {
  if (INTERFACE_NAME.test(name)) return name;
  return refuse(
    given,
    "the name of an interface, up to 15 characters, such as eth0",
  );
}

/**
 * Reads `http://HOST[:PORT]` or `cloudstack:INTERFACE`.
 *
 * @throws {UsageError} for anything else
 */
export function parseUpstreamChoice(given: Given): UpstreamChoice {
  if (!given.text.startsWith(CLOUDSTACK)) {
    return { upstream: Object.freeze(parseUpstream(given)) };
  }
  const name = given.text.slice(CLOUDSTACK.length);
  return {
    upstream: CLOUDSTACK_HOST,
    discover: Object.freeze({
      kind: "cloudstack",
      interface: parseInterfaceName(given, name),
    }),
  };
}

/** Writes what {@linkcode parseUpstreamChoice} reads for an interface. */
export function cloudstackUpstream(device: string): string {
  return `${CLOUDSTACK}${device}`;
}
