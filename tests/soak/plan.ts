/**
 * Which fault comes when: the same for the same seed.
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";
import type { Fault } from "./fault.ts";
import { LOAD_FAULTS } from "./load_faults.ts";
import { PROCESS_FAULTS } from "./process_faults.ts";
import { RULE_FAULTS } from "./rule_faults.ts";

/** Every fault. */
export const FAULTS: readonly Fault[] = [
  ...RULE_FAULTS,
  ...PROCESS_FAULTS,
  ...LOAD_FAULTS,
];

/** So many deaths within a minute are safe: at five the parent gives up. */
const MOST_DEATHS = 3;

/** In milliseconds, with a second to spare. */
const MINUTE_MS = 61_000;

/** From this share of the time on, the child lives, and its memory can tell. */
const LAST_DEATH = 0.3;

/** Runs shorter than this have no slow faults, in seconds. */
const SLOW_SECONDS = 40;

/** A slow fault may take as long: none begins so late, but in the first round. */
const SLOW_MS = 30_000;

/**
 * The faults of one round: every quick one, and one of the slow ones in turn.
 *
 * @param round its number, from 0
 * @param random what the order is drawn from
 * @param isLong whether there is time for a slow one
 */
export function roundOf(
  round: number,
  random: Random,
  isLong: boolean,
): readonly Fault[] {
  const slow = FAULTS.filter((fault) => fault.slow);
  const faults = FAULTS.filter((fault) => !fault.slow);
  const one = slow[round % slow.length];
  if (isLong && one !== undefined) faults.push(one);
  const order: Fault[] = [];
  while (faults.length > 0) {
    order.push(...faults.splice(random.int(faults.length), 1));
  }
  return order;
}

/** Hands out faults until the time is over, one round at the least. */
export class Plan {
  readonly #random: Random;
  readonly #ms: number;
  #deaths: number[] = [];
  #round = 0;
  #left: Fault[] = [];

  /**
   * Begins with the first round.
   *
   * @param random what the order is drawn from
   * @param seconds for how long faults are injected
   */
  constructor(random: Random, seconds: number) {
    this.#random = random;
    this.#ms = seconds * 1_000;
  }

  /**
   * The next fault.
   *
   * @param elapsed since the begin, in milliseconds
   * @returns `undefined` when the time is over
   */
  next(elapsed: number): Fault | undefined {
    for (;;) {
      const isFirst = this.#round <= 1;
      if (this.#left.length === 0) {
        if (this.#round > 0 && elapsed >= this.#ms) return undefined;
        const isLong = this.#ms >= SLOW_SECONDS * 1_000;
        const faults = roundOf(this.#round++, this.#random, isLong);
        // Else a short run's last child would be too young to judge.
        this.#left = this.#round > 1 ? [...faults] : faults.toSorted(
          (a, b) => (b.deaths ?? 0) - (a.deaths ?? 0),
        );
      } else if (!isFirst && elapsed >= this.#ms) return undefined;
      const fault = this.#left.shift();
      if (fault !== undefined && this.#fits(fault, elapsed)) return fault;
    }
  }

  #fits(fault: Fault, elapsed: number): boolean {
    const { deaths = 0, slow } = fault;
    const isLater = this.#round > 1;
    if (isLater && slow && elapsed > this.#ms - SLOW_MS) return false;
    if (deaths === 0) return true;
    if (isLater && elapsed > this.#ms * LAST_DEATH) return false;
    this.#deaths = this.#deaths.filter((at) => elapsed - at < MINUTE_MS);
    if (this.#deaths.length + deaths > MOST_DEATHS) return false;
    this.#deaths.push(elapsed);
    return true;
  }
}
