/**
 * How much is tried, and from which seed on: `FUZZ_CASES` and `FUZZ_SEED`.
 *
 * @module
 */

/** As many raw requests as a short run tries; a long one tries 200,000. */
const SHORT = 2_000;

/** The cases to try: each draws all it is from its own seed. */
export interface Seeds {
  /** The first seed. */
  readonly first: number;
  /** How many seeds. */
  readonly count: number;
}

/**
 * The seeds of one test.
 *
 * @param share its part of `FUZZ_CASES`, from 0 to 1
 */
export function seeds(share: number): Seeds {
  return {
    first: wholeNumber("FUZZ_SEED", 1),
    // One case alone is tried by every fuzzer: that of `FUZZ_SEED`.
    count: Math.max(1, Math.round(wholeNumber("FUZZ_CASES", SHORT) * share)),
  };
}

/**
 * How some cases are tried again.
 *
 * @param seed that of the first
 */
export function again(seed: number, cases = 1): string {
  return `FUZZ_SEED=${seed} FUZZ_CASES=${cases}`;
}

function wholeNumber(name: string, otherwise: number): number {
  const text = Deno.env.get(name) ?? "";
  if (text === "") return otherwise;
  if (!/^\d{1,9}$/.test(text)) {
    throw new Error(`Cannot use ${name} "${text}": expected a whole number`);
  }
  return Number(text);
}
