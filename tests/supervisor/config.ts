/**
 * What the tests of this room share.
 *
 * @module
 */
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { createLog, type Log } from "../../lib/system/log.ts";

/** A configuration of a proxy on port 4000. */
export const CONFIG: ServeConfig = {
  listen: [{ hostname: "127.0.0.1", port: 4000 }],
  listenAnywhere: false,
  upstream: { hostname: "127.0.0.1", port: 9 },
  regions: new Map([["us-east-1", "us-iso-east-1"]]),
  rewrite: "safe",
  timeoutMs: 60_000,
  cacheMs: 0,
  logLevel: "debug",
  logFormat: "text",
};

/** A log whose lines go into an array. */
export function logInto(lines: string[]): Log {
  return createLog({
    level: "debug",
    format: "text",
    write: (line) => lines.push(line),
  });
}

/** A promise that never settles. */
export const NEVER = new Promise<never>(() => {});
