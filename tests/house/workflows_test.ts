import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import { sourceFiles } from "../helpers/files.ts";

/** Who renews a manifest, by its name. */
const ECOSYSTEMS: Readonly<Record<string, string>> = {
  "go.mod": "gomod",
  "Cargo.toml": "cargo",
  "pom.xml": "maven",
  "requirements.txt": "pip",
};

const WORKFLOWS = sourceFiles(".github/workflows");

Deno.test("workflows pin actions by commit, and ask for no permission they do not need", () => {
  assert(WORKFLOWS.length > 0);
  for (const { path, text } of WORKFLOWS) {
    for (const [, used = ""] of text.matchAll(/uses: (.*)/g)) {
      if (used.startsWith("./")) continue;
      assertMatch(used, /^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, path);
    }
    const { permissions } = parse(text) as { permissions: unknown };
    assertEquals(permissions, { contents: "read" }, path);
  }
});

Deno.test("workflows and .ci/run name the newest Go that a go.mod asks for", () => {
  const asked = sourceFiles("tests").filter(({ path }) =>
    path.endsWith("/go.mod")
  ).map(({ text }) => /^go 1\.(\d+)/m.exec(text)?.[1]);
  assert(asked.length > 0);
  const newest = `1.${Math.max(...asked.map(Number))}`;
  const named = [".github/workflows", ".ci/run"].flatMap(sourceFiles)
    .flatMap((
      { text },
    ) => [...text.matchAll(/\bgo(?:-version:)? "?(1\.\d+)/gi)])
    .map(([, version]) => version);
  assertEquals(named, [newest, newest]);
});

Deno.test("dependabot looks at every lock of the tests", () => {
  const [file] = sourceFiles(".github/dependabot.yml");
  const { updates } = parse(file?.text ?? "") as {
    updates: {
      "package-ecosystem": string;
      directory?: string;
      directories?: string[];
    }[];
  };
  const watched = updates.flatMap((it) =>
    (it.directories ?? [it.directory]).map((folder) =>
      `${it["package-ecosystem"]} ${folder}`
    )
  );
  const locks = sourceFiles("tests").flatMap(({ path }) => {
    const [, folder, name = ""] = /^(.+)(\/[^/]+)$/.exec(path) ?? [];
    const ecosystem = ECOSYSTEMS[name.slice(1)];
    return ecosystem === undefined ? [] : [`${ecosystem} /${folder}`];
  });
  assert(locks.length > 0);
  assertEquals(locks.filter((folder) => !watched.includes(folder)), []);
});
