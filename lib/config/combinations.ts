/**
 * What holds between options, each of which is right alone.
 *
 * @module
 */
import { formatAddress, isLoopback } from "./address.ts";
import { MDPROXY_LISTEN } from "./drop_in.ts";
import type { Option } from "../cli/options.ts";
import type { ListenAddress } from "./serve_config.ts";
import { METADATA_HOST, OPTIONS, type Parsed } from "./serve_options.ts";
import { refuse, type SourcedValue } from "./sourced_value.ts";
import { UsageError } from "../cli/message.ts";

/** The hosts of a listener that takes a port on every address. */
const ANYWHERE: readonly string[] = ["0.0.0.0", "::"];

/**
 * Refuses what cannot hold together: listeners that others could reach, or two
 * of one address; an upstream or an endpoint of the administrators that is the
 * proxy's own address; the service's address on `lo` where nobody would listen
 * there, or the service itself could no longer be reached.
 *
 * @param parsed what the options came to
 * @param values what they came from, defaults included
 * @throws {UsageError} for the first thing that is wrong
 */
export function requireCombination(
  parsed: Parsed,
  values: (option: Option) => readonly SourcedValue[],
): void {
  const { listen, upstream: { upstream }, admin, address, arpIgnore } = parsed;
  const only = (option: Option) => values(option)[0] as SourcedValue;
  const all = listen.map(formatAddress);
  for (const [i, value] of values(OPTIONS.listen).entries()) {
    const own = listen[i] as ListenAddress;
    if (!parsed.listenAnywhere && !isForNodeAlone(value, own)) {
      refuse(value, "a loopback address, or --listen-anywhere beside it");
    }
    if (own.port !== 0 && all.indexOf(formatAddress(own)) < i) {
      refuse(value, "each address once");
    }
  }
  if (all.includes(formatAddress(upstream))) {
    refuse(only(OPTIONS.upstream), "another address than the proxy's own");
  }
  if (admin !== undefined) {
    const adminValue = only(OPTIONS.admin);
    // What it answers is plain HTTP for whoever asks.
    if (!isLoopback(admin.hostname)) refuse(adminValue, "a loopback address");
    if (listen.some((own) => takes(own, admin))) {
      refuse(adminValue, "another port than the proxy's own");
    }
    if (formatAddress(upstream) === formatAddress(admin)) {
      refuse(adminValue, "another address than the upstream's");
    }
  }
  if (arpIgnore && !address) {
    refuseSwitch(only(OPTIONS.arpIgnore), "--address beside it");
  }
  if (!address) return;
  if (upstream.hostname === METADATA_HOST) {
    refuseSwitch(
      only(OPTIONS.address),
      `another upstream beside it, ${METADATA_HOST} would be this node`,
    );
  }
  if (!listen.some(({ hostname }) => isAt(hostname, METADATA_HOST))) {
    refuseSwitch(
      only(OPTIONS.address),
      `--listen ${METADATA_HOST}:PORT beside it`,
    );
  }
}

/**
 * Loopback, or the service's own address where mdproxy4cs had it on `lo`; with
 * any other address, `--listen-anywhere` says that it is meant.
 */
function isForNodeAlone(
  { source }: SourcedValue,
  { hostname }: ListenAddress,
): boolean {
  return isLoopback(hostname) ||
    source === MDPROXY_LISTEN && hostname === METADATA_HOST;
}

/** Whether a listener leaves no room for another at an address. */
function takes(
  listener: ListenAddress,
  { hostname, port }: ListenAddress,
): boolean {
  return listener.port !== 0 && listener.port === port &&
    isAt(listener.hostname, hostname);
}

function isAt(listening: string, hostname: string): boolean {
  return listening === hostname || ANYWHERE.includes(listening);
}

/** For a switch, whose value says only that it is on. */
function refuseSwitch({ source }: SourcedValue, expected: string): never {
  throw new UsageError(`Cannot use ${source}: expected ${expected}`);
}
