/**
 * Waiting, for everything under one timer: almost every wait ends early, and a
 * timer for each would cost more than what it guards.
 *
 * It is not `setTimeout`, whose first call loads Node's timers (Deno 2.9): 15 ms
 * of every start, and 3.5 MB of every process.
 *
 * @module
 */

/** A time that is still to come, on the clock of `performance`. */
interface Deadline {
  readonly at: number;
  readonly act: () => void;
}

const pending = new Set<Deadline>();

/** Fires at {@linkcode next}; it holds the process only while it is listened to. */
let alarm: AbortSignal | undefined;
let next = Infinity;

/**
 * Calls a function once.
 *
 * @param ms after so many milliseconds
 * @param act called then; it must not throw
 * @returns takes it back
 */
export function after(ms: number, act: () => void): () => void {
  const deadline = { at: performance.now() + ms, act };
  if (pending.size === 0) resume();
  pending.add(deadline);
  if (deadline.at < next) arm(deadline.at);
  return () => {
    if (pending.delete(deadline) && pending.size === 0) rest();
  };
}

/**
 * Calls a function again and again.
 *
 * @param ms so many milliseconds apart
 * @param act called each time; it must not throw
 * @returns ends it
 */
export function every(ms: number, act: () => void): () => void {
  const again = () => {
    stop = after(ms, again);
    act();
  };
  let stop = after(ms, again);
  return () => stop();
}

/**
 * Waits so many milliseconds.
 *
 * @param signal ends the wait early when it is aborted; never rejects
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = after(ms, end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/**
 * Waits for a promise, but no longer than so many milliseconds, and leaves no
 * timer behind.
 *
 * @returns what it resolves to; `undefined` when time ran out
 */
export async function deadline<T>(
  promise: Promise<T>,
  ms: number,
): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = after(ms, () => resolve(undefined));
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}

function arm(at: number): void {
  rest();
  next = at;
  // It takes whole milliseconds, and must not be early.
  const ms = Math.max(0, Math.ceil(at - performance.now()));
  alarm = AbortSignal.timeout(ms);
  alarm.addEventListener("abort", fire);
}

/** Lets the process end while nobody waits; the alarm is kept for the next. */
function rest(): void {
  alarm?.removeEventListener("abort", fire);
}

/** Listens to the kept alarm again, unless its time went by unheard. */
function resume(): void {
  if (alarm?.aborted !== false) next = Infinity;
  else alarm.addEventListener("abort", fire);
}

function fire(): void {
  alarm = undefined;
  next = Infinity;
  const now = performance.now();
  for (const deadline of [...pending].filter(({ at }) => at <= now)) {
    // One may take back another.
    if (pending.delete(deadline)) deadline.act();
  }
  let earliest = Infinity;
  for (const { at } of pending) earliest = Math.min(earliest, at);
  // What acted may have set an alarm and taken it back.
  if (pending.size === 0) rest();
  else if (earliest < next) arm(earliest);
}
