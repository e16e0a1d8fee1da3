/**
 * Events that anyone can cause at will must not fill the log.
 *
 * @module
 */
import type { LogWrite } from "./log.ts";

/** How long the same event is held back once it was written, in milliseconds. */
export const HOLD_BACK_MS = 60_000;

/** How seldom an event is written. */
export interface SeldomOptions {
  /** How often in {@linkcode HOLD_BACK_MS}; once unless given. */
  readonly most?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Writes an event at most so often in {@linkcode HOLD_BACK_MS}; the next one
 * then says how many were held back.
 *
 * @param write writes it
 */
export function seldom(
  write: LogWrite,
  { most = 1, now = () => performance.now() }: SeldomOptions = {},
): LogWrite {
  let since = -Infinity;
  let written = 0;
  let held = 0;
  return (message, fields = {}) => {
    if (now() - since >= HOLD_BACK_MS) {
      since = now();
      written = 0;
    }
    if (written >= most) {
      held++;
      return;
    }
    write(message, held === 0 ? fields : { ...fields, held_back: held });
    written++;
    held = 0;
  };
}
