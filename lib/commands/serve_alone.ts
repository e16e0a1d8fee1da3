/**
 * `c2s-imds serve` in one process, without the rule.
 *
 * @module
 */
import { startServing } from "../admin/serving.ts";
import type { ExitCode } from "../cli/command.ts";
import { buildLabels } from "../cli/version.ts";
import type { WholeConfig } from "../config/serve_config.ts";
import { dropPermissions, NEEDED_TO_START } from "../system/restrict.ts";
import { systemRunner } from "../system/runner.ts";
import { socketOwners } from "../system/socket_owners.ts";
import { holdAddress } from "./serve_address.ts";
import type { ServeParts } from "./serve_supervised.ts";
import { runUntilStopped } from "./stop.ts";

/** Serves until it is stopped. */
export async function serveAlone(
  config: WholeConfig,
  { io, log, signals, source, reload, announce }: ServeParts,
): Promise<ExitCode> {
  const address = await holdAddress(config, { run: systemRunner, log });
  try {
    const proxy = await startServing(config, {
      log,
      source,
      owners: socketOwners(systemRunner),
      build: buildLabels(io.build),
    });
    const isSet = config.discover === undefined && !config.address;
    if (isSet) dropPermissions(NEEDED_TO_START);
    address.serving();
    signals.reload = () => {
      const changed = reload();
      if (changed !== undefined) proxy.configure(changed);
    };
    announce(proxy.addresses);
    if (Deno.uid() === 0) {
      log.warn("running as root: the executable would give that up");
    }
    return await runUntilStopped(proxy, signals.order, log);
  } finally {
    await address.release();
  }
}
