/**
 * The parts of `prom-client` that the metrics take. It is loaded when they are
 * asked for: with them come modules of Node that take 7 MB.
 *
 * @module
 */
import type * as PromClient from "prom-client";

/** The library, as far as it is used. */
export type Prometheus = Pick<
  typeof PromClient,
  "Registry" | "Counter" | "Gauge" | "Histogram"
>;

/**
 * Loads the library. By its parts, since its front door also opens a client
 * for pushing, clusters, and the interface of OpenTelemetry.
 */
export async function loadPrometheus(): Promise<Prometheus> {
  const [registry, counter, gauge, histogram] = await Promise.all([
    import("prom-client/lib/registry.js"),
    import("prom-client/lib/counter.js"),
    import("prom-client/lib/gauge.js"),
    import("prom-client/lib/histogram.js"),
  ]);
  return {
    Registry: registry.default,
    Counter: counter.default,
    Gauge: gauge.default,
    Histogram: histogram.default,
  };
}
