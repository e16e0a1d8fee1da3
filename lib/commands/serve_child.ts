/**
 * The hidden subcommand that the parent of `serve` starts: the proxy without
 * rights.
 *
 * @module
 */
import { liveAsChild } from "../supervisor/child.ts";
import { CHILD_COMMAND } from "../supervisor/spawn.ts";
import { type Command, EXIT } from "./command.ts";
import { errorLine } from "./error_line.ts";
import { listenFailure } from "./listen_failure.ts";
import { scrubEnvironment } from "./scrub.ts";
import { logStrayErrors } from "./stray_errors.ts";

/**
 * What the child gives up once it listens. It keeps `net`, which forwarding
 * needs, and `sys`, with which it knows the node's own addresses.
 */
export const RENOUNCED = [
  "run",
  "read",
  "write",
  "env",
  "ffi",
  "import",
] as const;

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
      uid: Deno.uid(),
      renounce: () => {
        for (const name of RENOUNCED) Deno.permissions.revokeSync({ name });
      },
    });
    return fine ? EXIT.OK : EXIT.FAILED;
  },
};
