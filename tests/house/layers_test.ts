/**
 * Imports go one way: from a room to a lower one, never back and never to one
 * beside it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";

/** The rooms of lib/, floor by floor from the top. */
const FLOORS: readonly (readonly string[])[] = [
  ["commands"],
  ["check", "demo", "supervisor"],
  ["admin"],
  ["proxy", "rule", "cloudstack", "manifests", "simulator"],
  ["rewrite"],
  ["config"],
  ["cli"],
  ["system"],
];

/** Every import of a file of the repository, as `[from, to]`. */
const IMPORTS = ["main.ts", "lib"].flatMap(sourceFiles).flatMap((file) =>
  [...file.text.matchAll(/\b(?:from|import)[\s(]*"(\.[^"]+)"/g)]
    .map(([, to = ""]) => {
      const { href } = new URL(to, new URL(file.path, REPOSITORY));
      return [file.path, href.slice(REPOSITORY.href.length)] as const;
    })
);

function roomOf(file: string): string | undefined {
  return file.match(/^lib\/([^/]+)\//)?.[1];
}

/** Whether a file may import another. */
function isAllowed(from: string, to: string): boolean {
  const room = roomOf(from);
  const target = roomOf(to);
  if (room === undefined) {
    return target === undefined || ["commands", "cli"].includes(target);
  }
  if (target === undefined) return to === "deno.json";
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  const below = FLOORS.findIndex((rooms) => rooms.includes(target));
  return room === target || floor >= 0 && below > floor;
}

Deno.test("imports go one way, from a room to a lower one", () => {
  assert(IMPORTS.length > 200, `Only ${IMPORTS.length} imports were found`);
  assertEquals(IMPORTS.filter(([from, to]) => !isAllowed(from, to)), []);
});

Deno.test("CONTRIBUTING.md names every room, from the top to the bottom", () => {
  const [page] = sourceFiles("CONTRIBUTING.md");
  const [, named = ""] = page?.text.match(/imports\s+go one way: ([^.]+)\./) ??
    [];
  const rooms = [...Deno.readDirSync(new URL("lib/", REPOSITORY))]
    .map(({ name }) => name);
  assertEquals(
    named.split(/\s*→\s*/).map((floor) => floor.split(/,\s*/)),
    FLOORS.map((floor) => floor.filter((room) => rooms.includes(room)))
      .filter((floor) => floor.length > 0),
  );
  assertEquals(rooms.filter((room) => !FLOORS.flat().includes(room)), []);
});
