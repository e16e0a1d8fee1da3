/**
 * `serve --address`: the service's address is on `lo` for as long as somebody
 * listens there.
 *
 * @module
 */
import type { NodeConfig } from "../config/serve_config.ts";
import {
  addAddress,
  removeAddress,
  SERVICE_ADDRESS,
} from "../cloudstack/address.ts";
import type { Log } from "../system/log.ts";
import type { Runner } from "../system/runner.ts";
import { errorLine } from "../cli/message.ts";

/** The address while it is held. */
export interface HeldAddress {
  /** Says that somebody listens there now. */
  serving(): void;
  /** Lets go of it; never fails. */
  release(): Promise<void>;
}

/**
 * Adds the address, unless it is there. Letting go removes it if this program
 * has added it: now, or before, for one that was killed leaves it behind. An
 * attempt that does not come to serve leaves what it found: another may use it.
 *
 * @param node says whether the address is wanted at all
 * @param parts what runs commands, and the log
 * @throws {LinkError} when the address cannot be had
 */
export async function holdAddress(
  { address, arpIgnore }: Pick<NodeConfig, "address" | "arpIgnore">,
  { run, log }: { readonly run: Runner; readonly log: Log },
): Promise<HeldAddress> {
  if (!address) return { serving() {}, async release() {} };
  const { added, arpIgnoreSet, ours } = await addAddress(run, { arpIgnore });
  log.info("the service's address is on lo", {
    address: SERVICE_ADDRESS,
    added,
    arp_ignore_set: arpIgnoreSet,
  });
  let removes = added;
  return {
    serving: () => removes = ours,
    async release() {
      if (!removes) return;
      try {
        await removeAddress(run);
      } catch (error) {
        // That must not hide how the work ended.
        log.error("cannot remove the service's address", {
          error: errorLine(error),
        });
      }
    },
  };
}
