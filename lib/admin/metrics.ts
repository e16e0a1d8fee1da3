/**
 * What was counted, in the text format of Prometheus. No label and no value
 * comes from a request.
 *
 * @module
 */
import { FAULTS, Meters, REFUSALS, STATUS_CLASSES } from "../system/meters.ts";
import type { RuleTally } from "./rule_view.ts";
import { loadPrometheus } from "./prometheus.ts";

/** What every name begins with. */
const PREFIX = "c2s_imds_";

/**
 * The upper bounds of the upstream's times, in seconds: it answers in parts of
 * a millisecond, and `--timeout` is 5 s unless given.
 */
const BUCKETS: readonly number[] = [
  ...[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02],
  ...[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
];

/** What metrics are made of. */
export interface MetricsParts {
  /** What this program is, by label: its version and the like. */
  readonly build: Readonly<Record<string, string>>;
  /** What has happened to the rule, where there is one to keep. */
  readonly rule?: (() => RuleTally) | undefined;
}

/** The metrics. */
export interface Metrics {
  /** What the proxy counts in. */
  readonly meters: Meters;
  /** The Content-Type of the text. */
  readonly contentType: string;
  /** The text. */
  render(): Promise<string>;
}

/** One series: the value of its label, and how to read it. */
type Series = readonly [label: string | number, read: () => number];

/**
 * Loads the library and begins to count.
 *
 * @param parts what they are made of
 */
export async function openMetrics(
  { build, rule }: MetricsParts,
): Promise<Metrics> {
  const { Registry, Counter, Gauge, Histogram } = await loadPrometheus();
  const registry = new Registry();
  const registers = [registry];
  const upstreamTime = new Histogram({
    name: `${PREFIX}upstream_duration_seconds`,
    help: "Time until the head of an answer of the metadata service",
    buckets: [...BUCKETS],
    registers,
  });
  const meters = new Meters(upstreamTime);
  const count = (name: string, help: string, read: () => number) =>
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const countBy = (
    label: string,
    name: string,
    help: string,
    series: readonly Series[],
  ) =>
    new Counter({
      name: PREFIX + name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, read] of series) {
          this.inc({ [label]: value }, read());
        }
      },
    });
  countBy(
    "code",
    "requests_total",
    "Requests that were answered, by the class of the status",
    STATUS_CLASSES.map((it) => [it, () => meters.answersOf(it)]),
  );
  countBy(
    "code",
    "refused_requests_total",
    "Requests that were answered by the proxy itself, as not to be forwarded",
    REFUSALS.map((it) => [it, () => meters.refusalsOf(it)]),
  );
  count(
    "loops_total",
    "Requests of the proxy's own that came back to it",
    () => meters.loops,
  );
  count(
    "rewritten_answers_total",
    "Answers whose body was changed",
    () => meters.rewritten,
  );
  count(
    "cache_hits_total",
    "Requests that were answered by an answer used again",
    () => meters.reused,
  );
  count(
    "shared_requests_total",
    "Requests that shared the upstream request of another one",
    () => meters.shared,
  );
  countBy(
    "fault",
    "upstream_failures_total",
    "Requests that the metadata service failed",
    FAULTS.map((it) => [it, () => meters.faultsOf(it)]),
  );
  if (rule !== undefined) {
    count(
      "rule_repairs_total",
      "How often the rule was found wrong and put right",
      () => rule().repairs,
    );
    count(
      "rule_failures_total",
      "How often the rule could not be looked at or changed",
      () => rule().failures,
    );
  }
  new Gauge({
    name: `${PREFIX}start_time_seconds`,
    help: "When the proxy was started, in seconds since 1970",
    registers,
  }).set(Date.now() / 1000);
  new Gauge({
    name: `${PREFIX}build_info`,
    help: "What this program is; always 1",
    labelNames: Object.keys(build),
    registers,
  }).set(build, 1);
  return {
    meters,
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}
