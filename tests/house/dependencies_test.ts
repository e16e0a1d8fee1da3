/**
 * CONTRIBUTING.md gives a reason for every package that a manifest of this
 * repository asks for, and for no other.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type SourceFile, sourceFiles } from "../helpers/files.ts";

/** What of a manifest names packages. */
interface Manifest {
  readonly imports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const MANIFEST = /(?:^|\/)(?:deno|imports|package)\.json$/;

/** The manifests: new ones are found where they stand. */
const MANIFESTS = ["deno.json", "bench", "deploy", "lib", "tests"]
  .flatMap(sourceFiles).filter(({ path }) => MANIFEST.test(path));

/** The name in `npm:/@scope/name@1.2.3/`; nothing for a file. */
function nameOf(specifier: string): string[] {
  const [, name] = /^(?:npm|jsr):\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier) ??
    [];
  return name === undefined ? [] : [name];
}

/** The packages that a manifest asks for. */
function packagesOf({ text }: SourceFile): string[] {
  const manifest: Manifest = JSON.parse(text);
  return [
    ...Object.values(manifest.imports ?? {}).flatMap(nameOf),
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.devDependencies ?? {}),
  ];
}

/** The packages of the list; what stands in brackets is a part of one. */
function listed(): string[] {
  const [page] = sourceFiles("CONTRIBUTING.md");
  const [, section = ""] = page?.text.split("## Dependencies") ?? [];
  const [list = ""] = section.split("\nA test ");
  return list.replaceAll(/\n +/g, " ").split("\n")
    .filter((line) => line.startsWith("- ")).flatMap((line) => {
      const [, packages = "", reason = ""] = /^- (.*?): (.*)$/.exec(line) ?? [];
      assert(reason !== "", `No reason: ${line}`);
      return [...packages.replaceAll(/\([^)]*\)/g, "").matchAll(/`([^`]+)`/g)]
        .map(([, name = ""]) => name);
    });
}

Deno.test("CONTRIBUTING.md lists the packages of all manifests, and no other", () => {
  const paths = MANIFESTS.map(({ path }) => path);
  assert(paths.includes("deno.json") && paths.length >= 2, `${paths}`);
  const asked = new Set(MANIFESTS.flatMap(packagesOf));
  assertEquals(listed().sort(), [...asked].sort());
});

Deno.test("deno.json asks npm for nothing, which deno task would download for the demo, too", () => {
  const [config] = MANIFESTS.filter(({ path }) => path === "deno.json");
  const { imports = {} }: Manifest = JSON.parse(config?.text ?? "");
  const fromNpm = Object.values(imports).filter((it) => it.startsWith("npm:"));
  assertEquals(fromNpm, []);
});
