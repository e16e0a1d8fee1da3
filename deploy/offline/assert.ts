/**
 * The part of `@std/assert` that this program's tests use, over the runtime's
 * `node:assert`.
 *
 * @module
 */
import strict from "node:assert/strict";

/** Asserts that a condition holds. */
export function assert(expr: unknown, msg = ""): asserts expr {
  strict.ok(expr, msg);
}

/** Asserts deep equality. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  strict.deepStrictEqual(actual, expected, msg);
}

/** Asserts that two values differ. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  strict.notDeepStrictEqual(actual, expected, msg);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  strict.ok(
    actual.includes(expected),
    msg ?? `Expected actual: "${actual}" to contain: "${expected}"`,
  );
}

/** Asserts that a string matches a pattern. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  strict.match(actual, expected, msg);
}

// deno-lint-ignore no-explicit-any -- the signature of the real one
type ErrorClass<E extends Error> = new (...args: any[]) => E;

function examine<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E>,
  msgIncludes: string,
): E {
  strict.ok(error instanceof errorClass, `Unexpected error: ${error}`);
  assertStringIncludes(error.message, msgIncludes);
  return error;
}

/** Asserts that a function throws, and returns the error. */
export function assertThrows<E extends Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes = "",
): E {
  try {
    fn();
  } catch (error) {
    return examine(error, errorClass, msgIncludes);
  }
  throw new strict.AssertionError({
    message: "Expected function to throw.",
  });
}

/** Asserts that a promise rejects, and returns the error. */
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes = "",
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return examine(error, errorClass, msgIncludes);
  }
  throw new strict.AssertionError({
    message: "Expected function to reject.",
  });
}
