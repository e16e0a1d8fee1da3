/**
 * A value inside a YAML file that knows where it stands, so that a refusal can
 * name the file, the way to the key, and what was expected.
 *
 * @module
 */
import { quote } from "./quote.ts";
import { nearest } from "./suggestion.ts";
import { UsageError } from "./usage_error.ts";
import { isMapping, kindOf } from "./yaml_file.ts";

/** One value of a file, or the whole of it. */
export class YamlValue {
  /** The value as it was parsed. */
  readonly value: unknown;
  readonly #file: string;
  readonly #keys: readonly string[];

  /**
   * Wraps the whole of a file, or one key of it.
   *
   * @param file the file's path
   * @param value what stands there
   * @param keys the way to it, from the outermost key
   */
  constructor(file: string, value: unknown, keys: readonly string[] = []) {
    this.value = value;
    this.#file = file;
    this.#keys = keys;
  }

  /**
   * Refuses the value.
   *
   * @param expected what would have been right, as it follows "expected"
   * @throws {UsageError} always
   */
  refuse(expected: string): never {
    throw new UsageError(
      `Cannot use ${
        kindOf(this.value)
      } for ${this.#place()}: expected ${expected}`,
    );
  }

  /**
   * The entries of a mapping; none where there is nothing at all.
   *
   * @param expected what would have been right instead of another kind
   * @throws {UsageError} for what is no mapping
   */
  entries(expected: string): (readonly [key: string, value: YamlValue])[] {
    if (this.value === undefined) return [];
    if (!isMapping(this.value)) this.refuse(expected);
    return Object.entries(this.value).map(([key, value]) => [
      key,
      new YamlValue(this.#file, value, [...this.#keys, key]),
    ]);
  }

  /**
   * The entries of a mapping whose keys are known.
   *
   * @param known the keys there are
   * @returns a value for every key, `undefined` within it where there is none
   * @throws {UsageError} for another key, and for what is no mapping
   */
  keys<Key extends string>(
    known: readonly Key[],
  ): Readonly<Record<Key, YamlValue>> {
    const entries = this.entries(`a mapping with ${known.join(", ")}`);
    for (const [key] of entries) {
      if (known.some((one) => one === key)) continue;
      const near = nearest(key, known);
      const hint = near === undefined
        ? `expected ${known.join(", ")}`
        : `did you mean "${near}"?`;
      const inside = new YamlValue(this.#file, key, [...this.#keys, key]);
      throw new UsageError(`Unknown ${inside.#place()}: ${hint}`);
    }
    const found = new Map(entries);
    const all = known.map((key) => [
      key,
      found.get(key) ?? new YamlValue(this.#file, undefined, [
        ...this.#keys,
        key,
      ]),
    ]);
    return Object.fromEntries(all) as Record<Key, YamlValue>;
  }

  /**
   * The value as text; `undefined` where there is none.
   *
   * @param expected what would have been right instead
   * @param pattern what it must be like
   * @throws {UsageError} for another kind, and for other text
   */
  text(expected: string, pattern = /^/): string | undefined {
    if (this.value === undefined) return undefined;
    if (typeof this.value === "string" && pattern.test(this.value)) {
      return this.value;
    }
    return this.refuse(expected);
  }

  #place(): string {
    const file = quote(this.#file);
    return this.#keys.length === 0
      ? file
      : `key ${quote(this.#keys.join(" > "))} in ${file}`;
  }
}
