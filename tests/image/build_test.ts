import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { programArguments } from "../helpers/installed.ts";
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import { type Checkout, createCheckout, run } from "./checkout.ts";

const NEEDS = [EXECUTABLE, { command: "git", from: "git" }];

const { version } = config;

const OWN = `c2s-imds-${version}-${Deno.build.target}`;

/** Where the ELF header keeps the machine, and what aarch64 is; elf(5). */
const [MACHINE, AARCH64] = [18, 183];

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

/** Runs a task that must succeed. */
async function make(checkout: Checkout, ...task: [string, ...string[]]) {
  const [name, ...args] = task;
  const { code, text } = await checkout.task(name, args);
  assertEquals(code, 0, text);
}

testWith(NEEDS)(
  "release makes what can be checked, and the same in another folder with another cache",
  async (t) => {
    await using one = await createCheckout();
    await using other = await createCheckout();
    await Promise.all([make(one, "release"), make(other, "release")]);
    const folder = `${one.folder}/dist`;
    const sums = await Deno.readTextFile(`${folder}/SHA256SUMS`);
    const again = await Deno.readTextFile(`${other.folder}/dist/SHA256SUMS`);
    assertEquals(again, sums);

    await t.step("all of it has a checksum that holds", async () => {
      const names = sums.trim().split("\n").map((line) => line.slice(66));
      assertEquals(
        [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
        ["SHA256SUMS", ...names].sort(),
      );
      const check = ["sha256sum", "--check", "--strict", "SHA256SUMS"];
      const { code, text } = await run(check, { cwd: folder });
      assertEquals(code, 0, text);
      for (const name of [OWN, "LICENSE", "THIRD_PARTY_LICENSES"]) {
        assertStringIncludes(sums, `  ${name}\n`);
      }
    });

    await t.step("executable and SBOM agree on what it is", async () => {
      const bom: Sbom = JSON.parse(
        await Deno.readTextFile(`${folder}/c2s-imds-${version}.cdx.json`),
      );
      const commit = await one.commit();
      const own = bom.components.find(({ name }) => name === OWN);
      assertStringIncludes(sums, `${own?.hashes?.[0]?.content}  ${OWN}\n`);
      const { text } = await run([`${folder}/${OWN}`, "--version"], {});
      const deno = bom.components.find(({ name }) => name === "deno")?.version;
      assertMatch(text, /imports: (?:JSR|npm); /);
      assertStringIncludes(text, `c2s-imds ${version} (commit ${commit}, `);
      assertStringIncludes(text, `; Deno ${deno})\n`);
      assertEquals(bom.metadata.properties[0]?.value, commit);
      assertEquals(bom.metadata.timestamp, "2024-05-06T07:08:09.000Z");
    });

    await t.step("compile says what to do without a runtime", async () => {
      const DENO_DIR = `${one.folder}/.git/cache`;
      await run(["rm", "-rf", `${DENO_DIR}/dl/release`], {});
      const HTTPS_PROXY = "http://127.0.0.1:9";
      const { code, text } = await run(
        ["env", "-u", "DENORT_BIN", Deno.execPath(), "task", "-q", "compile"],
        { cwd: one.folder, env: { DENO_DIR, HTTPS_PROXY, NO_COLOR: "1" } },
      );
      assertEquals(code, 1);
      assertMatch(
        text,
        /^(?:imports: .*\n)?Cannot compile: Deno cannot download https:\S+denort-\S+\.zip; .* DENORT_BIN=FILE\n$/,
      );
    });

    await t.step("compile says when a file was changed", async () => {
      await Deno.writeTextFile(`${one.folder}/main.ts`, "// changed\n");
      await make(one, "compile");
      const { text } = await run([`${folder}/c2s-imds`, "--version"], {});
      assertStringIncludes(text, `commit ${await one.commit()}-dirty,`);
    });
  },
);

testWith(NEEDS)(
  "release refuses what it cannot stand for, and makes nothing",
  async () => {
    await using checkout = await createCheckout();
    await Deno.writeTextFile(`${checkout.folder}/CHANGELOG.md`, "# Changes\n");
    await checkout.save();
    const unnamed = await checkout.task("release");
    await Deno.writeTextFile(`${checkout.folder}/lib/new.ts`, "");
    const unclean = await checkout.task("release");
    for (
      const [{ code, text }, why] of [
        [unnamed, `CHANGELOG.md has no entry "## ${version}"`],
        [unclean, "the tree is not clean:\n?? lib/new.ts"],
      ] as const
    ) {
      assertEquals(code, 1, text);
      assertStringIncludes(text, `Cannot release ${version}: ${why}\n`);
    }
    const made = await run(["ls", "dist"], { cwd: checkout.folder });
    assertEquals(made.code, 2, made.text);
  },
);

testWith(NEEDS)("compile --target makes an executable for it", async (t) => {
  await using checkout = await createCheckout();
  const compile = (env: Record<string, string>) =>
    checkout.task("compile", ["--target", "aarch64-unknown-linux-gnu"], env);
  const file = `${checkout.folder}/dist/c2s-imds`;
  const given = Deno.env.get("DENORT_BIN");

  await t.step("and refuses a runtime for another machine", async () => {
    // An executable of ours is the runtime with more behind it.
    const executable = Deno.env.get("C2S_IMDS_EXECUTABLE") ?? "";
    const { code, text } = await compile({ DENORT_BIN: given ?? executable });
    assert(code !== 0);
    assertStringIncludes(
      text,
      'Cannot compile for "aarch64-unknown-linux-gnu": DENORT_BIN is for another machine',
    );
    assertEquals((await run(["test", "-e", file], {})).code, 1);
  });

  await t.step("with the one for it", async () => {
    const { code, text } = await compile(
      given === undefined ? {} : await foreign(given, checkout.folder),
    );
    assertEquals(code, 0, text);
    const { buffer } = await Deno.readFile(file);
    assertEquals(new DataView(buffer).getUint16(MACHINE, true), AARCH64);
  });
});

/** Where no runtime for aarch64 can be downloaded, one that claims to be. */
async function foreign(denort: string, folder: string) {
  const bytes = await Deno.readFile(denort);
  new DataView(bytes.buffer).setUint16(MACHINE, AARCH64, true);
  const DENORT_BIN = `${folder}/denort`;
  await Deno.writeFile(DENORT_BIN, bytes, { mode: 0o755 });
  return { DENORT_BIN };
}

testWith([EXECUTABLE])(
  "the executable needs a PATH, if only an empty one",
  async () => {
    const [executable] = programArguments();
    for (const [env, expected] of [[{}, 1], [{ PATH: "" }, 0]] as const) {
      const { code, stderr } = await new Deno.Command(executable, {
        args: ["profiles", "list"],
        clearEnv: true,
        env,
      }).output();
      const said = new TextDecoder().decode(stderr);
      assertEquals([code, said.includes("no path to search")], [
        expected,
        expected > 0,
      ]);
    }
  },
);
