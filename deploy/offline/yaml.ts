/**
 * `@std/yaml` over npm's js-yaml, of which it is a port: the calls and options
 * this program uses, nothing else. `tests/house/imports_test.ts` holds both
 * equal.
 *
 * @module
 */
// @ts-types="@types/js-yaml"
import { dump, load } from "js-yaml";

/** The options of {@linkcode stringify} that this program uses. */
export interface StringifyOptions {
  /** Longest line before a scalar is folded; -1 never folds. */
  lineWidth?: number;
  /** Whether equal objects become anchors and references. */
  useAnchors?: boolean;
}

/** Parses one YAML document; an empty one is `null`. */
export function parse(content: string): unknown {
  return load(content) ?? null;
}

/** Renders a value as one YAML document. */
export function stringify(
  data: unknown,
  options: StringifyOptions = {},
): string {
  return dump(data, {
    ...(options.lineWidth === undefined
      ? {}
      : { lineWidth: options.lineWidth }),
    noRefs: options.useAnchors === false,
  });
}
