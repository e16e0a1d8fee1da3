/**
 * The service's address on `lo`, where that makes sense.
 *
 * @module
 */
import type { Given } from "./given.ts";
import type {
  ListenAddress,
  NodeConfig,
  UpstreamAddress,
} from "./serve_config.ts";
import { METADATA_HOST } from "./serve_options.ts";
import { UsageError } from "../cli/message.ts";
import { parseSwitch } from "./values.ts";

/** The listeners that take what is sent to the address. */
const TAKERS: readonly string[] = [METADATA_HOST, "0.0.0.0", "::"];

/**
 * Reads the switches of the address.
 *
 * @param address whether it shall be there
 * @param arpIgnore whether `arp_ignore` may be set for it
 * @param config where the proxy listens, and whom it asks
 * @throws {UsageError} when nobody would listen there, or the upstream itself
 * could no longer be reached
 */
export function parseServiceAddress(
  address: Given,
  arpIgnore: Given,
  { upstream, listen }: {
    readonly upstream: UpstreamAddress;
    readonly listen: readonly ListenAddress[];
  },
): Pick<NodeConfig, "address" | "arpIgnore"> {
  const wanted = {
    address: parseSwitch(address),
    arpIgnore: parseSwitch(arpIgnore),
  };
  if (wanted.arpIgnore && !wanted.address) {
    refuseSwitch(arpIgnore, "--address beside it");
  }
  if (wanted.address && upstream.hostname === METADATA_HOST) {
    refuseSwitch(
      address,
      `another upstream beside it, ${METADATA_HOST} would be this node`,
    );
  }
  if (wanted.address && !listen.some((it) => TAKERS.includes(it.hostname))) {
    refuseSwitch(address, `--listen ${METADATA_HOST}:PORT beside it`);
  }
  return wanted;
}

/** A switch that is on has no value that anybody needs to see. */
function refuseSwitch({ source }: Given, expected: string): never {
  throw new UsageError(`Cannot use ${source}: expected ${expected}`);
}
