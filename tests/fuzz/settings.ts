/**
 * How much is tried, and from which seed on: `FUZZ_CASES` and `FUZZ_SEED`.
 *
 * @module
 */

/** As many raw requests as a run in a hurry tries; 200,000 are a long one. */
const SHORT = 20_000;

/** The cases to try: each draws all it is from its own seed. */
export interface Seeds {
  /** The first seed. */
  readonly first: number;
  /** How many seeds. */
  readonly count: number;
}

/**
 * The seeds of one part of the cases.
 *
 * @param share the part of `FUZZ_CASES`, from 0 to 1
 * @param skip the parts that stand before it
 * @param short `FUZZ_CASES` where it is not given
 */
export function seeds(share = 1, skip = 0, short = SHORT): Seeds {
  const cases = wholeNumber("FUZZ_CASES", short);
  return {
    first: wholeNumber("FUZZ_SEED", 1) + Math.round(cases * skip),
    // One case alone is tried by every fuzzer: that of `FUZZ_SEED`.
    count: Math.max(1, Math.round(cases * share)),
  };
}

/**
 * How one case is tried again.
 *
 * @param seed its seed
 */
export function again(seed: number): string {
  return `FUZZ_SEED=${seed} FUZZ_CASES=1`;
}

function wholeNumber(name: string, otherwise: number): number {
  const text = Deno.env.get(name) ?? "";
  if (text === "") return otherwise;
  if (!/^\d{1,9}$/.test(text)) {
    throw new Error(`Cannot use ${name} "${text}": expected a whole number`);
  }
  return Number(text);
}
