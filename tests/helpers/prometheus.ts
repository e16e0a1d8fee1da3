/**
 * A strict reader of the text that Prometheus scrapes:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @module
 */

/** One family of metrics. */
export interface Family {
  /** `counter`, `gauge` or `histogram`. */
  readonly type: string;
  /** What it is, for people. */
  readonly help: string;
  /** Values by name and labels, as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABELS =
  /^\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\}$/;
const VALUE = /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** What the names of a family's samples may end in. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/**
 * Reads a text line by line.
 *
 * @returns families by name
 * @throws {Error} that names the line which is not as it should be
 */
export function parsePrometheus(text: string): Map<string, Family> {
  const refuse = (line: string): never => {
    throw new Error(`Not in the text format: ${JSON.stringify(line)}`);
  };
  if (!text.endsWith("\n")) refuse("the end has no line feed");
  const families = new Map<string, Family>();
  let help: readonly [name: string, text: string] | undefined;
  let family: [name: string, samples: Map<string, number>] | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] =
      /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (!NAME.test(name) || families.has(name)) refuse(line);
      help = [name, rest];
      continue;
    }
    if (kind === "TYPE") {
      if (help?.[0] !== name || SUFFIXES[rest] === undefined) refuse(line);
      const samples = new Map<string, number>();
      family = [name, samples];
      families.set(name, { type: rest, help: help?.[1] ?? "", samples });
      continue;
    }
    const [, sample = "", labels = "", value = ""] =
      /^([^\s{]+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    const of = family ?? refuse(line);
    const suffixes = SUFFIXES[families.get(of[0])?.type ?? ""] ?? [];
    const isNamed = suffixes.some((it) => of[0] + it === sample);
    const isLabelled = labels === "" || LABELS.test(labels);
    if (!isNamed || !isLabelled || !VALUE.test(value)) refuse(line);
    if (of[1].has(sample + labels)) refuse(line);
    of[1].set(sample + labels, Number(value.replace("Inf", "Infinity")));
  }
  for (const [name, { type, samples }] of families) {
    if (type === "counter" && !name.endsWith("_total")) refuse(name);
    if (type === "histogram") requireCumulative(name, samples, refuse);
  }
  return families;
}

function requireCumulative(
  name: string,
  samples: ReadonlyMap<string, number>,
  refuse: (line: string) => never,
): void {
  const buckets = [...samples].filter(([it]) => it.includes("_bucket{"));
  let before = 0;
  for (const [bucket, count] of buckets) {
    if (count < before) refuse(bucket);
    before = count;
  }
  const [last] = buckets.at(-1) ?? [];
  if (last !== `${name}_bucket{le="+Inf"}`) refuse(last ?? name);
  if (samples.get(`${name}_count`) !== before) refuse(`${name}_count`);
}
