/**
 * A wait that can be called off.
 *
 * @module
 */
import { after } from "../system/timers.ts";

/** A wait. */
export interface Timeout<T> {
  /** Settles with the value when the time is over. */
  readonly over: Promise<T>;
  /** Calls it off: it never settles then. */
  cancel(): void;
}

/**
 * Starts to wait.
 *
 * @param ms how long, in milliseconds
 * @param value what comes of it
 */
export function timeout<T>(ms: number, value: T): Timeout<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { over: promise, cancel: after(ms, () => resolve(value)) };
}
