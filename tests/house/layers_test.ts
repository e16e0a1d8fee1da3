/**
 * Imports go one way: from a room to a lower one, never back and never to one
 * beside it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";
import { importFlags } from "../../deploy/build.ts";

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

/** The part of `deno info --json` that is read here. */
interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** Every import between files of the repository, as `[from, to]`. */
async function imports(): Promise<(readonly [string, string])[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--frozen", ...importFlags(), "main.ts"],
    cwd: REPOSITORY,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
  assertEquals(modules.flatMap(({ error }) => error ?? []), []);
  return modules.flatMap(({ specifier, dependencies = [] }) =>
    dependencies
      .flatMap(({ code, type }) => code?.specifier ?? type?.specifier ?? [])
      .filter((to) => to.startsWith(REPOSITORY.href))
      .map((to) => [path(specifier), path(to)] as const)
  );
}

function path(specifier: string): string {
  return specifier.slice(REPOSITORY.href.length);
}

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
  // The version, and what an import map puts in a package's place.
  if (target === undefined) return /^deno\.json$|^deploy\/offline\//.test(to);
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  const below = FLOORS.findIndex((rooms) => rooms.includes(target));
  return room === target || floor >= 0 && below > floor;
}

Deno.test("imports go one way, from a room to a lower one", async () => {
  const all = await imports();
  assertEquals(all.filter(([from, to]) => !isAllowed(from, to)), []);
  assert(all.length > 100, `Only ${all.length} imports were found`);
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
