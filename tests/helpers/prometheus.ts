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

const FAMILY =
  /^# HELP ([a-zA-Z_:][\w:]*) (.+)\n# TYPE \1 (counter|gauge|histogram)\n((?:[^#\n].*\n)*)$/;
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** What the names of a family's samples end in. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ["_bucket", "_sum", "_count"],
};

/**
 * Reads a text, family by family.
 *
 * @returns families by name
 * @throws {Error} that names the part which is not as it should be
 */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const part of text.split(/^(?=# HELP )/m)) {
    const [, name = "", help = "", type = "", lines = ""] = FAMILY.exec(part) ??
      refuse(part);
    const isNamed = type === "counter" ? /_total$/.test(name) : true;
    if (families.has(name) || !isNamed) refuse(part);
    const samples = new Map<string, number>();
    for (const line of lines.split("\n").slice(0, -1)) {
      const [, sample = "", labels = "", value = ""] = SAMPLE.exec(line) ??
        refuse(line);
      const names = (SUFFIXES[type] ?? [""]).map((suffix) => name + suffix);
      if (!names.includes(sample) || samples.has(sample + labels)) refuse(line);
      samples.set(sample + labels, Number(value.replace("Inf", "Infinity")));
    }
    if (type === "histogram") requireCumulative(name, samples);
    families.set(name, { type, help, samples });
  }
  return families;
}

function refuse(what: string): never {
  throw new Error(`Not in the text format: ${JSON.stringify(what)}`);
}

function requireCumulative(
  name: string,
  samples: ReadonlyMap<string, number>,
): void {
  const buckets = [...samples].filter(([it]) => it.includes("_bucket{"));
  const counts = buckets.map(([, count]) => count);
  const isRising = counts.every((it, i) =>
    i === 0 || it >= Number(counts[i - 1])
  );
  const isWhole = buckets.at(-1)?.[0] === `${name}_bucket{le="+Inf"}` &&
    counts.at(-1) === samples.get(`${name}_count`);
  if (!isRising || !isWhole) refuse(name);
}
