import { assertEquals } from "@std/assert";
import { sourceFiles } from "../helpers/files.ts";

/** What touches the process's streams: the outside world, and a pipe. */
const EDGE = ["lib/cli/io.ts", "lib/commands/serve_child.ts"];

/** Where in lib/ a pattern stands, as `path: match`. */
function found(pattern: RegExp): string[] {
  return sourceFiles("lib").flatMap(({ path, text }) =>
    (text.match(pattern) ?? []).map((match) => `${path}: ${match}`)
  );
}

Deno.test("nothing in lib/ ends the process", () => {
  assertEquals(found(/\b(?:Deno|process)\.exit(?:Code)?\b/g), []);
});

Deno.test("nothing in lib/ prints but through what it is handed", () => {
  assertEquals(found(/\bconsole\.\w+/g), []);
  const streams = found(/\bDeno\.(?:stdout|stderr)\b/g)
    .filter((place) => !EDGE.some((path) => place.startsWith(`${path}:`)));
  assertEquals(streams, []);
});

// The executable is made of a minified bundle, which loses what `using` ends:
// https://github.com/evanw/esbuild/issues/4482
Deno.test("nothing in lib/ leaves its end to using", () => {
  assertEquals(found(/^\s*(?:await )?using \w+ =/gm), []);
});

// What asks as a client loads Node's HTTP in any case.
Deno.test("nothing in lib/ that runs on a node waits by what loads Node's timers", () => {
  const places = found(/\bset(?:Timeout|Interval)\(/g)
    .filter((place) => !/^lib\/metadata\//.test(place));
  assertEquals(places, []);
});
