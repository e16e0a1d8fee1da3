/**
 * A value inside a YAML file that knows where it stands, so that a refusal can
 * name the file, the way to the key, and what was expected.
 *
 * @module
 */
import { quote, UsageError } from "../cli/message.ts";
import { nearest } from "../cli/suggestion.ts";
import { isMapping, kindOf, shown } from "./yaml_file.ts";

/** Where a value stands, and who may see it. */
export interface YamlPlace {
  /** The way to it, from the outermost key. */
  readonly keys: readonly string[];
  /** Whether it may be secret, so that a refusal names its kind alone. */
  readonly withheld?: boolean;
}

/** One value of a file, or the whole of it. */
export class YamlValue {
  /** The value as it was parsed. */
  readonly value: unknown;
  readonly #file: string;
  readonly #keys: readonly string[];
  readonly #withheld: boolean;

  /**
   * Wraps the whole of a file, or one key of it.
   *
   * @param file the file's path
   * @param value what stands there
   * @param place the way to it; none to the whole file
   */
  constructor(
    file: string,
    value: unknown,
    { keys, withheld = false }: YamlPlace = { keys: [] },
  ) {
    this.value = value;
    this.#file = file;
    this.#keys = keys;
    this.#withheld = withheld;
  }

  /** The same, with all beneath it, for errors that do not repeat it. */
  withheld(): YamlValue {
    return new YamlValue(this.#file, this.value, {
      keys: this.#keys,
      withheld: true,
    });
  }

  /**
   * Refuses the value.
   *
   * @param expected what would have been right, as it follows "expected"
   * @throws {UsageError} always
   */
  refuse(expected: string): never {
    // A file that is one text is not what anybody took it for.
    const isSecret = this.#withheld || this.#keys.length === 0;
    const found = isSecret ? kindOf(this.value) : shown(this.value);
    throw new UsageError(
      `Cannot use ${found} for ${this.#place()}: expected ${expected}`,
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
    return Object.entries(this.value)
      .map(([key, value]) => [key, this.#inner(key, value)]);
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
      const place = this.#withheld
        ? `key under ${this.#path(this.#keys)}`
        : this.#inner(key, key).#place();
      throw new UsageError(`Unknown ${place}: ${hint}`);
    }
    const found = new Map(entries);
    const all = known.map((key) => [
      key,
      found.get(key) ?? this.#inner(key, undefined),
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

  #inner(key: string, value: unknown): YamlValue {
    return new YamlValue(this.#file, value, {
      keys: [...this.#keys, key],
      withheld: this.#withheld,
    });
  }

  #place(): string {
    if (this.#keys.length === 0) return quote(this.#file);
    // `{text:secret}` lacks a space, and so is a key without a value.
    const isSecret = this.#withheld && this.value === null &&
      this.#keys.length > 1;
    return isSecret
      ? `a key under ${this.#path(this.#keys.slice(0, -1))}`
      : `key ${this.#path(this.#keys)}`;
  }

  #path(keys: readonly string[]): string {
    return `${quote(keys.join(" > "))} in ${quote(this.#file)}`;
  }
}
