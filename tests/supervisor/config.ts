/**
 * What the tests of this room share.
 *
 * @module
 */
import type { Log } from "../../lib/system/log.ts";
import { recordLog } from "../helpers/log.ts";
import { configOf } from "../proxy/under_test.ts";

/** A configuration of a proxy on port 4000. */
export const CONFIG = configOf({ hostname: "127.0.0.1", port: 9 }, {
  listen: [{ hostname: "127.0.0.1", port: 4000 }],
  cacheMs: 0,
});

/** A log whose lines go into an array. */
export function logInto(lines: string[]): Log {
  return recordLog({ write: (line) => lines.push(line) }).log;
}

/** A promise that never settles. */
export const NEVER = new Promise<never>(() => {});
