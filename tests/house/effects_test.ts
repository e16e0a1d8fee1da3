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

// esbuild before 0.28.1 loses some (https://github.com/evanw/esbuild/issues/4482).
Deno.test("nothing in lib/ is ended by what the bundle may leave out", () => {
  assertEquals(found(/\busing [\w$]+ ?=/g), []);
});

Deno.test("nothing in lib/ waits by what loads Node's timers", () => {
  assertEquals(found(/\bset(?:Timeout|Interval)\(/g), []);
});

// A clock on the wall may be set, by days: no wait and no age may go by it.
Deno.test("nothing in lib/ looks at the clock on the wall but what shows the time, or is told it by others", () => {
  const shows =
    /^lib\/(?:admin|cloudstack|commands|demo|simulator|system\/log\.ts)\b/;
  assertEquals(
    found(/\bDate\.now\b|\bnew Date\(\)/g).filter((it) => !shows.test(it)),
    [],
  );
});
