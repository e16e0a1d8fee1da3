/**
 * The hidden subcommand that the parent of `serve` starts: the proxy without
 * rights.
 *
 * @module
 */
import { liveAsChild } from "../supervisor/child.ts";
import { CHILD_COMMAND } from "../supervisor/child_process.ts";
import { type Command, EXIT } from "./command.ts";
import { errorLine } from "./error_line.ts";
import { listenFailure } from "./listen_failure.ts";
import { renounce, RENOUNCED } from "./renounce.ts";
import { scrubEnvironment } from "./scrub.ts";
import { logStrayErrors } from "./stray_errors.ts";
import { buildLabels } from "./version.ts";

/** The subcommand `serve-child`. */
export const serveChild: Command = {
  name: CHILD_COMMAND,
  summary: "Serves for a parent that keeps root",
  help: "Usage: started by c2s-imds serve, never by hand\n",
  async run(_args, io) {
    scrubEnvironment();
    const fine = await liveAsChild({
      input: Deno.stdin.readable,
      send: (bytes) => void Deno.stdout.writeSync(bytes),
      log: io.stderr,
      guard: (log) => void logStrayErrors(log),
      explain: (error) => errorLine(listenFailure(error)),
      build: buildLabels(io.build),
      uid: Deno.uid(),
      dropPermissions: () => renounce(RENOUNCED),
    });
    return fine ? EXIT.OK : EXIT.FAILED;
  },
};
