/**
 * What `serve` does at SIGHUP: reads its configuration again.
 *
 * @module
 */
import { changesOf } from "../config/changes.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import type { WholeConfig } from "../config/serve_config.ts";
import type { Log, LogSettings } from "../system/log.ts";
import type { Io } from "../cli/command.ts";
import { errorLine } from "../cli/message.ts";

/** What reading again needs. */
export interface ReloadParts {
  /** The arguments `serve` was given. */
  readonly args: readonly string[];
  /** The environment and the files. */
  readonly io: Pick<Io, "env" | "readTextFile">;
  /** The log, and what of it may change. */
  readonly log: Log;
  /** The log's own level and form. */
  readonly settings: LogSettings;
}

/**
 * Makes what reads the configuration again.
 *
 * @param first the configuration in force
 * @returns reads it again and gives it where something changed that can hold
 * at once; a broken one changes nothing and is logged
 */
export function createReload(
  first: WholeConfig,
  { args, io, log, settings }: ReloadParts,
): () => WholeConfig | undefined {
  let inForce = first;
  return () => {
    try {
      const read = readServeConfig(
        args,
        io.env,
        (path, options) => io.readTextFile(path, { ...options, isAgain: true }),
      );
      const { config, live, restart } = changesOf(inForce, read);
      inForce = config;
      settings.level = config.logLevel;
      settings.format = config.logFormat;
      if (restart.length > 0) {
        log.warn("restart to apply changes", { of: restart.join(",") });
      }
      log.info("configuration read again", {
        changed: live.length === 0 ? "nothing" : live.join(","),
      });
      return live.length === 0 ? undefined : config;
    } catch (error) {
      log.error("configuration unchanged", { error: errorLine(error) });
      return undefined;
    }
  };
}
