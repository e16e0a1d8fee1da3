/**
 * What was counted, in the text format of Prometheus. No label and no value
 * comes from a request.
 *
 * @module
 * @see {@link https://prometheus.io/docs/instrumenting/exposition_formats/}
 */
import type { Counter, Meters } from "../system/meters.ts";
import type { RuleTally } from "./readiness.ts";

/** The Content-Type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What metrics are made of. */
export interface MetricsParts {
  /** What the proxy counted. */
  readonly meters: Meters;
  /** What this program is, by label: its version and the like. */
  readonly build: Readonly<Record<string, string>>;
  /** When it was started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The rule, where there is one to keep: what has happened to it, and now. */
  readonly rule?: RuleTally & { readonly isInPlace: boolean } | undefined;
}

/** What each family of metrics is; those that end in `_total` are counters. */
const HELP = {
  upstream_duration_seconds:
    "Time until the head of an answer of the metadata service",
  requests_total: "Requests that were answered, by the class of the status",
  refused_requests_total:
    "Requests that were answered by the proxy itself, as not to be forwarded",
  loops_total: "Requests of the proxy's own that came back to it",
  rewritten_answers_total: "Answers whose body was changed",
  cache_hits_total: "Requests that were answered by an answer used again",
  shared_requests_total:
    "Requests that shared the upstream request of another one",
  upstream_failures_total: "Requests that the metadata service failed",
  rule_repairs_total: "How often the rule was found wrong and put right",
  rule_failures_total: "How often the rule could not be looked at or changed",
  rule_in_place: "Whether clients reach the proxy by the rule: 1 or 0",
  start_time_seconds: "When the proxy was started, in seconds since 1970",
  build_info: "What this program is; always 1",
};

/** Lines of a family: what follows its name, and the value. */
type Samples = readonly (readonly [suffix: string, value: number])[];

/** A number alone stands for the one line of a family. */
type Values = Partial<Record<keyof typeof HELP, number | Samples>>;

/**
 * Renders all metrics.
 *
 * @param parts what they are made of
 */
export function renderMetrics(
  { meters, build, startedAt, rule }: MetricsParts,
): string {
  const { upstreamTime } = meters;
  const buckets = upstreamTime.buckets().map(([bound, count]) => {
    const le = bound === Infinity ? "+Inf" : bound;
    return [`_bucket${labels({ le })}`, count] as const;
  });
  const values: Values = {
    upstream_duration_seconds: [
      ...buckets,
      ["_sum", upstreamTime.sum],
      ["_count", upstreamTime.count],
    ],
    requests_total: by("code", meters.answers),
    refused_requests_total: by("code", meters.refusals),
    loops_total: meters.loops,
    rewritten_answers_total: meters.rewritten,
    cache_hits_total: meters.reused,
    shared_requests_total: meters.shared,
    upstream_failures_total: by("fault", meters.faults),
    ...rule && {
      rule_repairs_total: rule.repairs,
      rule_failures_total: rule.failures,
      rule_in_place: Number(rule.isInPlace),
    },
    start_time_seconds: startedAt / 1000,
    build_info: [[labels(build), 1]],
  };
  return Object.entries(values).map(([name, samples]) => {
    const full = `c2s_imds_${name}`;
    const lines = typeof samples === "number" ? [["", samples]] : samples;
    return `# HELP ${full} ${HELP[name as keyof typeof HELP]}\n` +
      `# TYPE ${full} ${typeOf(name)}\n` +
      lines.map(([suffix, value]) => `${full}${suffix} ${value}\n`).join("");
  }).join("");
}

function typeOf(name: string): string {
  if (name.endsWith("_total")) return "counter";
  return name.endsWith("_duration_seconds") ? "histogram" : "gauge";
}

/** One sample for each value of a label. */
function by(label: string, { counts }: Counter): Samples {
  return [...counts].map(([value, count]) => [
    labels({ [label]: value }),
    count,
  ]);
}

function labels(pairs: Readonly<Record<string, string | number>>): string {
  const list = Object.entries(pairs).map(([name, value]) =>
    `${name}="${
      `${value}`.replaceAll(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")
    }"`
  );
  return list.length === 0 ? "" : `{${list.join(",")}}`;
}
