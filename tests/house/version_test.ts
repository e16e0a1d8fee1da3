import { assertEquals, assertMatch } from "@std/assert";
import { sourceFiles } from "../helpers/files.ts";

/** A release of Deno as commands, images and prose name it. */
const DENO_RELEASE =
  /\bdeno(?:[-_ ]version)?["']?[@:= "'v-]*(?:bin-|alpine-|debian-|ubuntu-|distroless-)?(\d+\.\d+\.\d+)/gi;

function releases(text: string): string[] {
  return [...text.matchAll(DENO_RELEASE)].map(([, release]) => release ?? "");
}

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
    releases(text)
      .filter((release) => release !== pinned)
      .map((release) => `${path}: ${release}`)
  );
  assertEquals(others, []);
});

Deno.test("a release of Deno is seen however it is written", () => {
  for (
    const text of [
      "npx --yes deno@1.2.3 task test",
      "Deno 1.2.3",
      "Deno v1.2.3",
      "denoland/deno:1.2.3",
      "denoland/deno:bin-1.2.3",
      "DENO_VERSION=1.2.3",
      `"deno": "1.2.3"`,
    ]
  ) {
    assertEquals(releases(text), ["1.2.3"], text);
  }
});
