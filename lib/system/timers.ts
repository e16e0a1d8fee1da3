/**
 * Waiting, all of it under one timer: almost every wait ends early, and a
 * timer for each would cost more than what it guards.
 *
 * It is not `setTimeout`, whose first call loads Node's timers (Deno 2.9): 15 ms
 * of every start, and 3.5 MB of every process. `delay()` of @std/async and
 * `node:timers/promises` stand on it.
 *
 * @module
 */

/** A call that is still to come, on the clock of `performance`. */
interface Call {
  readonly at: number;
  readonly act: () => void;
  /** Its index in {@linkcode pending}; -1 once it was made or cancelled. */
  index: number;
}

/**
 * The calls that are still to come, in no order. Not a `Set`: V8 replaces the
 * table of one again and again, and an old table that has reached the old
 * generation keeps all calls in it, and what they hold, from being collected
 * young.
 */
const pending: Call[] = [];

/** Fires at {@linkcode next}; it holds the process only while it is listened to. */
let alarm: AbortSignal | undefined;
let next = Infinity;

/**
 * Calls a function once.
 *
 * @param ms after so many milliseconds
 * @param act called then; it must not throw
 * @returns cancels it
 */
export function after(ms: number, act: () => void): () => void {
  const call = { at: performance.now() + ms, act, index: pending.length };
  if (pending.length === 0) listenAgain();
  pending.push(call);
  if (call.at < next) arm(call.at);
  return () => {
    if (remove(call) && pending.length === 0) ignoreAlarm();
  };
}

/**
 * Calls a function again and again.
 *
 * @param ms so many milliseconds apart
 * @param act called each time; it must not throw
 * @returns cancels it
 */
export function every(ms: number, act: () => void): () => void {
  const again = () => {
    cancel = after(ms, again);
    act();
  };
  let cancel = after(ms, again);
  return () => cancel();
}

/**
 * Waits so many milliseconds.
 *
 * @param signal ends the wait early when it is aborted; never rejects
 */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  await deadline(new Promise<never>(() => {}), ms, signal);
}

/**
 * Waits for a promise, but no longer than so many milliseconds, and leaves no
 * timer behind; `deadline()` of @std/async leaves one for each call.
 *
 * @param promise what is waited for; it is not stopped
 * @param ms how long, in milliseconds
 * @param signal ends the wait early when it is aborted
 * @returns what it resolves to; `undefined` when the wait ended before
 */
export async function deadline<T>(
  promise: T | PromiseLike<T>,
  ms: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  const cancel = after(ms, end);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", end);
  }
}

/** Takes a call out, and says whether it was still to come. */
function remove(call: Call): boolean {
  const { index } = call;
  if (index < 0) return false;
  call.index = -1;
  const last = pending.pop();
  if (last !== undefined && last !== call) {
    pending[index] = last;
    last.index = index;
  }
  return true;
}

function arm(at: number): void {
  ignoreAlarm();
  next = at;
  // It takes whole milliseconds, and must not be early.
  const ms = Math.max(0, Math.ceil(at - performance.now()));
  alarm = AbortSignal.timeout(ms);
  alarm.addEventListener("abort", fire);
}

/** Lets the process end while nobody waits; the alarm is kept for the next. */
function ignoreAlarm(): void {
  alarm?.removeEventListener("abort", fire);
}

/** Listens to the kept alarm again, unless its time is over. */
function listenAgain(): void {
  if (alarm?.aborted !== false) next = Infinity;
  else alarm.addEventListener("abort", fire);
}

function fire(): void {
  alarm = undefined;
  next = Infinity;
  const now = performance.now();
  const due = pending.filter(({ at }) => at <= now);
  for (const call of due.sort((one, other) => one.at - other.at)) {
    // One may cancel another.
    if (remove(call)) call.act();
  }
  let earliest = Infinity;
  for (const { at } of pending) earliest = Math.min(earliest, at);
  // What acted may have set an alarm and cancelled it.
  if (pending.length === 0) ignoreAlarm();
  else if (earliest < next) arm(earliest);
}
