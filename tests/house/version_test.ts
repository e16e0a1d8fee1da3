import { assertEquals, assertMatch } from "@std/assert";
import { sourceFiles } from "../helpers/files.ts";

/** A release of Deno as commands, images and prose name it. */
const DENO_RELEASE =
  /\bdeno(?:[-_ ]version)?["']?[@:= "'v-]*(?:bin-|alpine-|debian-|ubuntu-|distroless-)?(\d+\.\d+\.\d+)/gi;

Deno.test("every file names the Deno release of .deno-version", () => {
  const pinned = sourceFiles(".deno-version")[0]?.text.trim() ?? "";
  assertMatch(pinned, /^\d+\.\d+\.\d+$/);
  const others = [
    "README.md",
    "CONTRIBUTING.md",
    "deno.json",
    ".ci",
    ".github",
    "deploy",
    "docs",
  ].flatMap(sourceFiles).flatMap(({ path, text }) =>
    [...text.matchAll(DENO_RELEASE)].map(([, release = ""]) => release)
      .filter((release) => release !== pinned)
      .map((release) => `${path}: ${release}`)
  );
  assertEquals(others, []);
});
