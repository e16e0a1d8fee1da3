import { assertEquals } from "@std/assert";
import { obstacle, runtimeWarning } from "../../deploy/release_checks.ts";
import config from "../../deno.json" with { type: "json" };
import { sourceFiles } from "../helpers/files.ts";

const FINE = {
  status: "",
  version: "1.2.3",
  changelog: "# Changelog\n\n## Unreleased\n\n## 1.2.3\n\n- New.\n",
};

const NO_ENTRY = 'CHANGELOG.md has no entry "## 1.2.3"';

/** What stands in the way of a changelog. */
const CHANGELOGS: readonly (readonly [string, string | undefined])[] = [
  [FINE.changelog, undefined],
  [FINE.changelog.replace("1.2.3", "1.2.3 (2024-05-06)"), undefined],
  ["", NO_ENTRY],
  ["# Changelog\n\n## Unreleased\n\n- New.\n", NO_ENTRY],
  ["## 1.2.30\n\n- New.\n", NO_ENTRY],
  ["## 1.2.3-rc.1\n\n- New.\n", NO_ENTRY],
  ["### 1.2.3\n\n- New.\n", NO_ENTRY],
  ["## 1.2.3\n\n## 1.2.2\n\n- Old.\n", NO_ENTRY],
  ["## 1.2.3", NO_ENTRY],
];

Deno.test("obstacle() is a tree that is not clean, or a version without an entry that says something", () => {
  for (const [changelog, why] of CHANGELOGS) {
    assertEquals(obstacle({ ...FINE, changelog }), why, changelog);
  }
  assertEquals(
    obstacle({ ...FINE, status: "?? new.ts" }),
    "the tree is not clean:\n?? new.ts",
  );
});

Deno.test("the image is labelled with the version of deno.json", () => {
  const [{ text } = { text: "" }] = sourceFiles("deploy/Containerfile");
  assertEquals(/^ARG VERSION=(.*)$/m.exec(text)?.[1], config.version);
});

Deno.test("runtimeWarning() names both releases when they differ", () => {
  assertEquals(
    runtimeWarning("1.2.3", "1.2.4\n"),
    "the runtime is Deno 1.2.3, but .deno-version says 1.2.4: see DENORT_BIN",
  );
  for (const found of ["1.2.4", undefined]) {
    assertEquals(runtimeWarning(found, "1.2.4\n"), undefined);
  }
});
