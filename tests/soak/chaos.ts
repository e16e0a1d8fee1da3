/**
 * Injects one fault after the other, and notes when each was over.
 *
 * @module
 */
import type { Injected, What } from "./attribution.ts";
import { Plan } from "./plan.ts";
import { type Scene, sleep } from "./scene.ts";

/** Longer than the clients keep a connection, in milliseconds. */
const UNTIL_DIRECT_ENDS_MS = 2_000;

/** A fault that was injected, and how fast the program repaired it. */
export interface Event extends Injected {
  /** What it surely did to some. */
  readonly shows?: What | undefined;
  /** How long the program took, in milliseconds, where it had to. */
  readonly repairMs?: number;
}

/** How it went. */
export interface Chaos {
  /** What was injected. */
  readonly events: readonly Event[];
  /** Why it ended early; the last event's window is open then. */
  readonly failure?: string;
}

/**
 * Injects faults.
 *
 * @param scene where
 * @param seconds for how long; the first round is ended in any case
 * @param tell told of each
 * @param signal ends it before the next fault
 */
export async function wreak(
  scene: Scene,
  seconds: number,
  tell: (line: string) => void,
  signal?: AbortSignal,
): Promise<Chaos> {
  const begin = performance.now();
  const plan = new Plan(scene.random, seconds);
  const events: Event[] = [];
  for (;;) {
    if (signal?.aborted) return { events, failure: "interrupted" };
    const fault = plan.next(performance.now() - begin);
    if (fault === undefined) return { events };
    const { name, allowed, shows } = fault;
    const from = Date.now();
    try {
      const { over = Date.now(), ...rest } = await fault.inject(scene) ?? {};
      events.push({ name, allowed, shows, from, to: over, ...rest });
      tell(line(events.at(-1)));
    } catch (error) {
      return { events, failure: `${name}: ${error}` };
    }
    if (fault.leavesDirect) await sleep(UNTIL_DIRECT_ENDS_MS);
    await sleep(200 + scene.random.int(800));
  }
}

/** An event as a line of the log. */
export function line(event: Event | undefined): string {
  if (event === undefined) return "";
  const { name, from, to, repairMs } = event;
  const time = new Date(from).toISOString();
  const repaired = repairMs === undefined ? "" : `, repaired in ${repairMs} ms`;
  return `${time} ${name}: ${to - from} ms${repaired}`;
}
