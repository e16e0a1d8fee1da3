/**
 * THIRD_PARTY_LICENSES has what the executable holds, under both import maps.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type BundledPackage,
  bundledPackages,
} from "../../deploy/bundled_packages.ts";
import { bundleProgram, FOLDER, lockFile } from "../../deploy/build.ts";
import { licenceOf, readLicences } from "../../deploy/licences.ts";
import config from "../../deno.json" with { type: "json" };
import { createFolder, sourceFiles } from "../helpers/files.ts";

function read(path: string): string {
  const [file] = sourceFiles(path);
  assert(file !== undefined, `${path} is missing`);
  return file.text;
}

const LICENCES = readLicences(read("THIRD_PARTY_LICENSES"));

/** Whose licences there are, of one registry, as a lock names them. */
function named(registry: string): string[] {
  return LICENCES.map(({ of }) => of).filter((of) =>
    of.endsWith(` (${registry})`)
  ).map((of) => of.replace(/ \(.*$/, "").replace(" ", "@"));
}

/** Those that come from npm under the import map of JSR, too. */
function alwaysFromNpm(): string[] {
  const targets: readonly string[] = Object.values(config.imports);
  return named("npm").filter((it) => targets.includes(`npm:${it}`));
}

/** The packages whose code is in the bundle, and where its files lie. */
async function bundled(): Promise<{
  readonly packages: readonly BundledPackage[];
  readonly sources: readonly string[];
}> {
  await using folder = await createFolder();
  const { sources } = await bundleProgram(folder.path, { imports: "npm" });
  const lock = JSON.parse(await Deno.readTextFile(lockFile()));
  return { packages: bundledPackages(sources, lock, FOLDER), sources };
}

/** What comes from a folder has no version to look up. */
const testPackages = lockFile().includes("/dist/std/")
  ? Deno.test.ignore
  : Deno.test;

testPackages(
  "THIRD_PARTY_LICENSES has every package of the bundle and no other of its registry",
  async (t) => {
    const { packages, sources } = await bundled();
    const [first] = packages;
    assert(first !== undefined);
    for (const one of packages) licenceOf(one, LICENCES);
    assertEquals(
      packages.map(({ name, version }) => `${name}@${version}`),
      [...new Set([...named(first.registry), ...alwaysFromNpm()])].sort(),
    );

    for (const { registry, name, version } of packages) {
      if (registry !== "npm") continue;
      await t.step(`with the text that ${name} comes with`, async () => {
        const place = `/${name}/${version}/`;
        const source = sources.find((path) => path.includes(place)) ?? "";
        const folder = source.slice(0, source.indexOf(place) + place.length);
        const said = LICENCES.find(({ of }) =>
          of === `${name} ${version} (npm)`
        );
        const text = await Deno.readTextFile(`${folder}LICENSE`);
        assertEquals(said?.text, text.trim());
        const { license } = JSON.parse(
          await Deno.readTextFile(`${folder}package.json`),
        );
        assertEquals(said?.id, license);
      });
    }
  },
);

Deno.test("THIRD_PARTY_LICENSES has the versions of both locks", () => {
  const locked = Object.keys({
    ...JSON.parse(read("deno.lock")).jsr,
    ...JSON.parse(read("deploy/offline/deno.lock")).npm,
  });
  assertEquals(
    [...named("JSR"), ...named("npm")].filter((it) => !locked.includes(it)),
    [],
  );
});

/** The packages that files import, by the names of the import maps. */
function imported(path: string): string[] {
  return sourceFiles(path).flatMap(({ text }) =>
    [...text.matchAll(/ from "((?:@[\w-]+\/)?[a-z][\w-]*)(?:\/[^"]*)?";/g)]
      .map(([, name = ""]) => name)
  );
}

/** The targets of an import map's entries for a package. */
function targets(imports: Record<string, string>, name: string): string[] {
  return Object.entries(imports)
    .filter(([key]) => key === name || key.startsWith(`${name}/`))
    .map(([, target]) => target);
}

Deno.test("THIRD_PARTY_LICENSES has every package that the program imports, under both import maps", () => {
  const program = [...new Set([...imported("lib"), ...imported("main.ts")])]
    .filter((name) => !name.startsWith("node:"));
  const offline = JSON.parse(read("deploy/offline/imports.json")).imports;
  const wanted = program.flatMap((name) => [
    ...targets(config.imports, name).map((target) => [name, target]),
    ...targets(offline, name).flatMap((target) =>
      target.startsWith("./")
        ? imported(`deploy/offline/${target.slice(2)}`)
          .flatMap((it) => targets(offline, it).map((to) => [it, to]))
        : [[name, target]]
    ),
  ]).map(([name, target = ""]) =>
    `${name} ${target.startsWith("npm:") ? "npm" : "JSR"}`
  );
  const there = ["JSR", "npm"].flatMap((registry) =>
    named(registry).map((it) => it.replace(/@[^@]+$/, ` ${registry}`))
  );
  assert(wanted.includes("@std/yaml JSR") && wanted.includes("js-yaml npm"));
  assertEquals(wanted.filter((it) => !there.includes(it)), []);
});

Deno.test("THIRD_PARTY_LICENSES has the runtime", () => {
  const runtimes = LICENCES.map(({ of }) => of)
    .filter((of) => of.endsWith(" (runtime)"));
  assertEquals(runtimes, [
    `Deno ${read(".deno-version").trim()} (runtime)`,
    "V8 (runtime)",
  ]);
});

Deno.test("every licence has an SPDX identifier and a text", () => {
  for (const { of, id, text } of LICENCES) {
    assert(["Apache-2.0", "MIT", "BSD-3-Clause"].includes(id), `${of}: ${id}`);
    assert(text.length > 900, `${of}: ${text.length} characters`);
  }
});

Deno.test("licenceOf() throws when another version was read", () => {
  const [, name = "", version = ""] =
    /^(\S+) (\S+)/.exec(LICENCES[0]?.of ?? "") ??
      [];
  const one = { registry: "JSR", name, version, integrity: "" } as const;
  assertEquals(licenceOf(one, LICENCES), "MIT");
  assertThrows(
    () => licenceOf({ ...one, version: "0.0.0" }, LICENCES),
    Error,
    "THIRD_PARTY_LICENSES lacks it",
  );
});
