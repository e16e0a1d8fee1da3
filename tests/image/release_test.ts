import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import { createCheckout, run } from "./checkout.ts";

const NEEDS = [EXECUTABLE, { command: "git", from: "git" }];

const { version } = config;

const OWN = `c2s-imds-${version}-${Deno.build.target}`;

/** The part of an SBOM that is read here. */
interface Sbom {
  readonly metadata: {
    readonly timestamp: string;
    readonly properties: readonly { readonly value: string }[];
  };
  readonly components: readonly {
    readonly name: string;
    readonly version?: string;
    readonly hashes?: readonly { readonly content: string }[];
  }[];
}

testWith(NEEDS)(
  "release refuses what it cannot stand for, and makes nothing",
  async () => {
    await using checkout = await createCheckout();
    await Deno.writeTextFile(`${checkout.folder}/CHANGELOG.md`, "# Changes\n");
    await checkout.save();
    const unnamed = await checkout.task("release");
    assertEquals(unnamed.code, 1, unnamed.text);
    assertStringIncludes(
      unnamed.text,
      `Cannot release ${version}: CHANGELOG.md has no entry "## ${version}"\n`,
    );
    await Deno.writeTextFile(`${checkout.folder}/lib/new.ts`, "");
    const unclean = await checkout.task("release");
    assertEquals(unclean.code, 1, unclean.text);
    assertStringIncludes(
      unclean.text,
      `Cannot release ${version}: the tree is not clean:\n?? lib/new.ts\n`,
    );
    const made = await run(["ls", "dist"], { cwd: checkout.folder });
    assertEquals(made.code, 2, made.text);
  },
);

testWith(NEEDS)(
  "release makes what can be checked, and the same twice",
  async (t) => {
    await using checkout = await createCheckout();
    const changelog = `${checkout.folder}/CHANGELOG.md`;
    const notes = await Deno.readTextFile(changelog);
    await Deno.writeTextFile(changelog, `${notes}\n## ${version}\n\n- All.\n`);
    await checkout.save();
    const { code, text } = await checkout.task("release");
    assertEquals(code, 0, text);
    const folder = `${checkout.folder}/dist`;
    const sums = await Deno.readTextFile(`${folder}/SHA256SUMS`);
    const names = sums.trim().split("\n").map((line) => line.slice(66));

    await t.step("all of it has a checksum that holds", async () => {
      assertEquals(
        [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
        ["SHA256SUMS", ...names].sort(),
      );
      const { code, text } = await run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        { cwd: folder },
      );
      assertEquals(code, 0, text);
      for (const name of [OWN, "LICENSE", "THIRD_PARTY_LICENSES"]) {
        assertStringIncludes(sums, `  ${name}\n`);
      }
    });

    await t.step("the SBOM knows executable, runtime and commit", async () => {
      const bom: Sbom = JSON.parse(
        await Deno.readTextFile(`${folder}/c2s-imds-${version}.cdx.json`),
      );
      const own = bom.components.find(({ name }) => name === OWN);
      assertStringIncludes(sums, `${own?.hashes?.[0]?.content}  ${OWN}\n`);
      const { text } = await run([`${folder}/${OWN}`, "--version"], {});
      const deno = bom.components.find(({ name }) => name === "deno");
      assertMatch(text, new RegExp(`Deno ${deno?.version}\\)$`, "m"));
      assertEquals(
        bom.metadata.properties[0]?.value,
        await checkout.commit(),
      );
      assertEquals(bom.metadata.timestamp, "2024-05-06T07:08:09.000Z");
    });

    await t.step("the second time all is the same", async () => {
      const { code, text } = await checkout.task("release", [
        "--output=dist/again",
      ]);
      assertEquals(code, 0, text);
      assertEquals(
        await Deno.readTextFile(`${folder}/again/SHA256SUMS`),
        sums,
      );
    });
  },
);
