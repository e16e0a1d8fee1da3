/**
 * The hidden subcommand that the parent of `serve` starts: the proxy without
 * rights.
 *
 * @module
 */
import { liveAsChild } from "../supervisor/child.ts";
import { CHILD_COMMAND } from "../supervisor/child_process.ts";
import { type Command, EXIT } from "../cli/command.ts";
import {
  DROPPED_BY_CHILD,
  dropPermissions,
  sanitizeEnvironment,
} from "../system/restrict.ts";
import { listenForSignals } from "./stop.ts";
import { logUnhandledErrors } from "../cli/unhandled_errors.ts";
import { buildLabels } from "../cli/version.ts";

/** The subcommand `serve-child`. */
export const serveChild: Command = {
  name: CHILD_COMMAND,
  summary: "Serves for a parent that keeps root",
  help: "Usage: started by c2s-imds serve, never by hand\n",
  options: [],
  async run(_args, io) {
    // They reach every process of the service, and are the parent's to obey.
    const signals = listenForSignals(io);
    sanitizeEnvironment();
    const fine = await liveAsChild({
      input: Deno.stdin.readable,
      send: (bytes) => void Deno.stdout.writeSync(bytes),
      log: io.stderr,
      guard: (log) => void logUnhandledErrors(log),
      build: buildLabels(io.build),
      uid: Deno.uid(),
      dropPermissions: () => dropPermissions(DROPPED_BY_CHILD),
    });
    signals.close();
    return fine ? EXIT.OK : EXIT.FAILED;
  },
};
