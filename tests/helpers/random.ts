/**
 * Random values that are the same in every run.
 *
 * @module
 */

/** Draws from one seed. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** Values drawn one by one, from 0 to `most` of them. */
  list<T>(most: number, draw: () => T): T[];
}

/**
 * Makes a generator (mulberry32).
 *
 * @param seed a whole number; equal seeds give equal draws
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const int = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * below);
  };
  return {
    int,
    pick: <T>(values: readonly T[]): T => values[int(values.length)] as T,
    list: <T>(most: number, draw: () => T): T[] =>
      Array.from({ length: int(most + 1) }, draw),
  };
}
