/**
 * `@std/yaml` over version 3 of npm's js-yaml, of which it is a port and which
 * renders the same bytes: the calls and options this program uses, nothing
 * else. `tests/house/imports_test.ts` holds both equal.
 *
 * @module
 */
import yaml from "js-yaml";

/** The options of {@linkcode stringify} that this program uses. */
export interface StringifyOptions {
  /** Longest line before a scalar is folded; -1 never folds. */
  lineWidth?: number;
  /** Whether equal objects become anchors and references. */
  useAnchors?: boolean;
}

/** The original makes a Buffer of binary values, the port a Uint8Array. */
const BINARY = new yaml.Type("tag:yaml.org,2002:binary", {
  kind: "scalar",
  resolve: (text: unknown) => typeof text === "string" && isBase64(text),
  construct: (text: string) => Uint8Array.fromBase64(text),
});

const SCHEMA = yaml.Schema.create(yaml.DEFAULT_SAFE_SCHEMA, [BINARY]);

function isBase64(text: string): boolean {
  try {
    Uint8Array.fromBase64(text);
    return true;
  } catch {
    return false;
  }
}

/** Parses one YAML document; an empty one is `null`. */
export function parse(content: string): unknown {
  return yaml.safeLoad(content, { schema: SCHEMA }) ?? null;
}

/** Renders a value as one YAML document. */
export function stringify(
  data: unknown,
  options: StringifyOptions = {},
): string {
  return yaml.safeDump(data, {
    ...(options.lineWidth === undefined
      ? {}
      : { lineWidth: options.lineWidth }),
    noRefs: options.useAnchors === false,
  });
}
