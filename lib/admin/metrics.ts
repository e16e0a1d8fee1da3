/**
 * What was counted, in the text format of Prometheus. No label and no value
 * comes from a request.
 *
 * @module
 * @see {@link https://prometheus.io/docs/instrumenting/exposition_formats/}
 */
import {
  FAULTS,
  type Meters,
  REFUSALS,
  STATUS_CLASSES,
} from "../system/meters.ts";
import type { RuleTally } from "./rule_view.ts";

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
  /** What has happened to the rule, where there is one to keep. */
  readonly rule?: RuleTally | undefined;
}

/** One line of a family: what follows its name, and the value. */
type Sample = readonly [suffix: string, value: number];

/** One family of metrics. */
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/**
 * Renders all metrics.
 *
 * @param parts what they are made of
 */
export function renderMetrics(
  { meters, build, startedAt, rule }: MetricsParts,
): string {
  const families: readonly Family[] = [
    {
      name: "upstream_duration_seconds",
      type: "histogram",
      help: "Time until the head of an answer of the metadata service",
      samples: [
        ...meters.upstreamTime.buckets().map(([bound, count]): Sample => [
          `_bucket${labels({ le: bound === Infinity ? "+Inf" : `${bound}` })}`,
          count,
        ]),
        ["_sum", meters.upstreamTime.sum],
        ["_count", meters.upstreamTime.count],
      ],
    },
    counter(
      "requests_total",
      "Requests that were answered, by the class of the status",
      by("code", STATUS_CLASSES, (it) => meters.answersOf(it)),
    ),
    counter(
      "refused_requests_total",
      "Requests that were answered by the proxy itself, as not to be forwarded",
      by("code", REFUSALS, (it) => meters.refusalsOf(it)),
    ),
    counter(
      "loops_total",
      "Requests of the proxy's own that came back to it",
      meters.loops,
    ),
    counter(
      "rewritten_answers_total",
      "Answers whose body was changed",
      meters.rewritten,
    ),
    counter(
      "cache_hits_total",
      "Requests that were answered by an answer used again",
      meters.reused,
    ),
    counter(
      "shared_requests_total",
      "Requests that shared the upstream request of another one",
      meters.shared,
    ),
    counter(
      "upstream_failures_total",
      "Requests that the metadata service failed",
      by("fault", FAULTS, (it) => meters.faultsOf(it)),
    ),
    ...rule === undefined ? [] : [
      counter(
        "rule_repairs_total",
        "How often the rule was found wrong and put right",
        rule.repairs,
      ),
      counter(
        "rule_failures_total",
        "How often the rule could not be looked at or changed",
        rule.failures,
      ),
    ],
    {
      name: "start_time_seconds",
      type: "gauge",
      help: "When the proxy was started, in seconds since 1970",
      samples: [["", startedAt / 1000]],
    },
    {
      name: "build_info",
      type: "gauge",
      help: "What this program is; always 1",
      samples: [[labels(build), 1]],
    },
  ];
  return families.map(renderFamily).join("");
}

function counter(
  name: string,
  help: string,
  value: number | readonly Sample[],
): Family {
  const samples = typeof value === "number" ? [["", value]] as const : value;
  return { name, type: "counter", help, samples };
}

/** One sample for each value of a label. */
function by<Value extends string | number>(
  label: string,
  values: readonly Value[],
  read: (value: Value) => number,
): readonly Sample[] {
  return values.map((it) => [labels({ [label]: `${it}` }), read(it)]);
}

function labels(pairs: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
      .replaceAll("\n", "\\n");
  const list = Object.entries(pairs)
    .map(([name, value]) => `${name}="${escaped(value)}"`);
  return list.length === 0 ? "" : `{${list.join(",")}}`;
}

function renderFamily({ name, type, help, samples }: Family): string {
  const full = `c2s_imds_${name}`;
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n` +
    samples.map(([suffix, value]) => `${full}${suffix} ${value}\n`).join("");
}
