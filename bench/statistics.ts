/**
 * Numbers from several rounds. On a machine that does other things as well
 * only ratios within one round mean anything, and only with their spread.
 *
 * @module
 */

/** A quantity over the rounds. */
export interface Spread {
  /** The middle one. */
  readonly median: number;
  /** The least. */
  readonly min: number;
  /** The greatest. */
  readonly max: number;
}

/**
 * Sums up the values of some rounds.
 *
 * @param values at least one
 */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? NaN;
  const half = sorted.length / 2;
  return {
    median: (at(Math.floor(half)) + at(Math.ceil(half) - 1)) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/**
 * Compares two quantities round by round.
 *
 * @param values the one, a value a round
 * @param others the other
 * @param compare what makes one value of two
 */
export function compared(
  values: readonly number[],
  others: readonly number[],
  compare: (value: number, other: number) => number,
): Spread {
  const rounds = Math.min(values.length, others.length);
  return spreadOf(
    values.slice(0, rounds).map((it, i) => compare(it, others[i] ?? NaN)),
  );
}

/** A quotient, for {@linkcode compared}. */
export function quotient(value: number, other: number): number {
  return value / other;
}

/** A difference, for {@linkcode compared}. */
export function difference(value: number, other: number): number {
  return value - other;
}
