/**
 * Flame graphs: the wider a bar, the more time in it and above; what it calls
 * stands on it.
 *
 * @module
 */
import { type Call, isOurs } from "./cpu_profile.ts";

const WIDTH = 1_200;
const ROW = 16;

/** The width of a letter, and of what is left out, in pixels. */
const LETTER = 5.5;
const LEAST = 3;

/** One bar. */
interface Bar {
  readonly name: string;
  readonly label: string;
  readonly whose: "c2s-imds" | "Deno and V8";
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/**
 * The flame graph of a profile, as a Vega-Lite specification.
 *
 * @param root the profile
 * @param title what stands above it
 */
export function flameGraph(root: Call, title: string): unknown {
  const bars: Bar[] = [];
  const pixels = WIDTH / root.time;
  const place = (call: Call, from: number, depth: number) => {
    const { name, time, calls } = call;
    const width = time * pixels;
    if (width < LEAST) return;
    const [plain = ""] = name.split(" ");
    const letters = Math.floor((width - 4) / LETTER);
    bars.push({
      name,
      label: letters < 3 ? "" : plain.slice(0, letters),
      whose: isOurs(name) ? "c2s-imds" : "Deno and V8",
      from: from * pixels,
      to: (from + time) * pixels,
      depth,
    });
    let at = from;
    for (const below of calls.toSorted((a, b) => b.time - a.time)) {
      place(below, at, depth + 1);
      at += below.time;
    }
  };
  place(root, 0, 0);
  const depths = Math.max(...bars.map(({ depth }) => depth)) + 1;
  const x = {
    field: "from",
    type: "quantitative",
    axis: null,
    scale: { domain: [0, WIDTH] },
  };
  const y = {
    field: "depth",
    type: "quantitative",
    axis: null,
    scale: { domain: [0, depths] },
  };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title,
    width: WIDTH,
    height: depths * ROW,
    data: { values: bars.map((bar) => ({ ...bar, top: bar.depth + 1 })) },
    layer: [
      {
        mark: { type: "rect", stroke: "white", strokeWidth: 0.5 },
        encoding: {
          x,
          x2: { field: "to" },
          y,
          y2: { field: "top" },
          color: {
            field: "whose",
            type: "nominal",
            title: null,
            scale: {
              domain: ["c2s-imds", "Deno and V8"],
              range: ["#7fc8a9", "#d8d8d8"],
            },
            legend: { orient: "top" },
          },
        },
      },
      {
        mark: {
          type: "text",
          align: "left",
          dx: 2,
          dy: -ROW / 2,
          fontSize: 9,
          font: "monospace",
        },
        encoding: {
          x,
          y,
          text: { field: "label", type: "nominal" },
        },
      },
    ],
  };
}
