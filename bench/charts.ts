/**
 * Bar charts of the measurements.
 *
 * @module
 */
import { OURS, OURS_COLD } from "./contestants.ts";
import { identity } from "./documents.ts";
import { drawSpecification } from "./draw.ts";
import { perSecond, type RaceResults, type Sample, valuesOf } from "./race.ts";
import { spreadOf } from "./statistics.ts";
import { total } from "./usage.ts";

/** One bar. */
export interface Bar {
  /** Whose it is. */
  readonly contestant: string;
  /** The panel it stands in. */
  readonly panel: string;
  /** Its length. */
  readonly value: number;
}

/** A chart, and the name of its file. */
export interface Chart {
  /** The file's name. */
  readonly file: string;
  /** What stands above it. */
  readonly title: string;
  /** The bars, panel after panel, contestant after contestant. */
  readonly bars: readonly Bar[];
}

/**
 * The charts of a race.
 *
 * @param results what was measured
 */
export function charts({ samples, footprints }: RaceResults): readonly Chart[] {
  const contestants = [...new Set(samples.map((it) => it.contestant))];
  const connections = [...new Set(samples.map((it) => it.connections))]
    .sort((a, b) => a - b);
  const bars = (
    panel: string,
    value: (contestant: string) => number | undefined,
  ) =>
    contestants.map((it) => ({
      contestant: it,
      panel,
      value: value(it) ?? NaN,
    })).filter((it) => !Number.isNaN(it.value));
  const median = (
    count: number,
    pick: (sample: Sample) => number | undefined,
  ) =>
  (contestant: string) =>
    spreadOf(
      valuesOf(
        samples,
        { contestant, document: identity, connections: count },
        pick,
      ),
    ).median;
  return [
    {
      file: "throughput.svg",
      title: "Requests a second, identity document",
      bars: connections.flatMap((it) =>
        bars(`${it} connection${it === 1 ? "" : "s"}`, median(it, perSecond))
      ),
    },
    {
      file: "latency.svg",
      title: "Milliseconds to an answer, 1 connection, identity document",
      bars: [
        ...bars("half of the answers", median(1, (it) => it.load.p50)),
        ...bars("99 of 100", median(1, (it) => it.load.p99)),
      ],
    },
    {
      file: "cost.svg",
      title: "What it costs",
      bars: [
        ...bars(
          "processor seconds for 100,000 requests",
          median(16, (it) => it.cpu),
        ),
        ...bars("memory after load, MB PSS", (it) => {
          const footprint = footprints.get(it);
          return footprint && total(footprint.loaded, "pss");
        }),
        ...bars("start to first answer, ms", (it) => {
          const footprint = footprints.get(it);
          return footprint && spreadOf(footprint.startMs).median;
        }),
      ],
    },
  ];
}

/** A chart as a Vega-Lite specification, one panel a row. */
function specification({ title, bars }: Chart): unknown {
  const y = {
    field: "contestant",
    type: "nominal",
    sort: null,
    title: null,
    axis: { labelLimit: 240 },
  };
  const x = { field: "value", type: "quantitative", title: null };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title,
    data: { values: bars },
    facet: {
      row: {
        field: "panel",
        sort: [...new Set(bars.map((it) => it.panel))],
        title: null,
        header: { labelOrient: "top", labelAnchor: "start" },
      },
    },
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: 480,
      height: { step: 20 },
      layer: [
        {
          mark: "bar",
          encoding: {
            y,
            x,
            color: {
              condition: {
                test: { field: "contestant", oneOf: [OURS, OURS_COLD] },
                value: "#0b6e4f",
              },
              value: "#b8b8b8",
            },
          },
        },
        {
          mark: { type: "text", align: "left", dx: 4 },
          encoding: {
            y,
            x,
            text: { field: "value", type: "quantitative", format: ",.3~r" },
          },
        },
      ],
    },
  };
}

/**
 * Draws a chart.
 *
 * @param chart the chart
 * @param folder where its file goes
 * @throws {Error} when the plotting library cannot be had
 */
export async function draw(chart: Chart, folder: string): Promise<void> {
  await drawSpecification(specification(chart), `${folder}/${chart.file}`);
}
