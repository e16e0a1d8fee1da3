/**
 * Events that anyone can cause at will must not fill the log.
 *
 * @module
 */
import type { LogWrite } from "./log.ts";

/** How long the same event is held back once it was written, in milliseconds. */
export const HOLD_BACK_MS = 60_000;

/**
 * Writes an event at most once in {@linkcode HOLD_BACK_MS}; the next one then
 * says how many were held back.
 *
 * @param write writes it
 * @param now the clock, in milliseconds
 */
export function seldom(
  write: LogWrite,
  now: () => number = () => performance.now(),
): LogWrite {
  let writtenAt = -Infinity;
  let held = 0;
  return (message, fields = {}) => {
    if (now() - writtenAt < HOLD_BACK_MS) {
      held++;
      return;
    }
    write(message, held === 0 ? fields : { ...fields, held_back: held });
    writtenAt = now();
    held = 0;
  };
}
