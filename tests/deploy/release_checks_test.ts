import { assertEquals } from "@std/assert";
import { obstacle, runtimeWarning } from "../../deploy/release_checks.ts";
import config from "../../deno.json" with { type: "json" };
import { sourceFiles } from "../helpers/files.ts";

const FINE = {
  status: "",
  version: "1.2.3",
  changelog: "# Changelog\n\n## Unreleased\n\n## 1.2.3\n\n- New.\n",
};

Deno.test("obstacle() is none when the tree is clean and the changelog has the version", () => {
  assertEquals(obstacle(FINE), undefined);
  const dated = FINE.changelog.replace("1.2.3", "1.2.3 (2024-05-06)");
  assertEquals(obstacle({ ...FINE, changelog: dated }), undefined);
});

Deno.test("obstacle() names what is not committed", () => {
  assertEquals(
    obstacle({ ...FINE, status: "?? new.ts" }),
    "the tree is not clean:\n?? new.ts",
  );
});

Deno.test("obstacle() asks for an entry with something in it", async (t) => {
  for (
    const changelog of [
      "",
      "# Changelog\n\n## Unreleased\n\n- New.\n",
      "## 1.2.30\n\n- New.\n",
      "## 1.2.3-rc.1\n\n- New.\n",
      "### 1.2.3\n\n- New.\n",
      "## 1.2.3\n\n## 1.2.2\n\n- Old.\n",
      "## 1.2.3\n",
      "## 1.2.3",
    ]
  ) {
    await t.step(JSON.stringify(changelog), () => {
      assertEquals(
        obstacle({ ...FINE, changelog }),
        'CHANGELOG.md has no entry "## 1.2.3"',
      );
    });
  }
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
