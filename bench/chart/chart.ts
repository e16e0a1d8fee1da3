/**
 * Draws a Vega-Lite chart, read as JSON from standard input, as an SVG picture
 * on standard output. It has a configuration and a lock of its own, so that
 * the program needs none of its packages.
 *
 * @module
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

const chart: TopLevelSpec = await new Response(Deno.stdin.readable).json();
const view = new View(parse(compile(chart).spec), { renderer: "none" });
const picture = new TextEncoder().encode(`${await view.toSVG()}\n`);
await new Blob([picture]).stream().pipeTo(Deno.stdout.writable);
