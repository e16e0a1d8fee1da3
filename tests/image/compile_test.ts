import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import { createCheckout, run } from "./checkout.ts";

const NEEDS = [EXECUTABLE, { command: "git", from: "git" }];

/** Where the ELF header keeps the machine, and what aarch64 is; elf(5). */
const [MACHINE, AARCH64] = [18, 183];

async function digest(file: string): Promise<string> {
  const bytes = await Deno.readFile(file);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).toHex();
}

testWith(NEEDS)(
  "compile makes equal executables in different folders with different caches",
  async (t) => {
    await using one = await createCheckout();
    await using other = await createCheckout();
    const executable = `${one.folder}/dist/c2s-imds`;
    const [first, second] = await Promise.all([
      one.task("compile"),
      other.task("compile"),
    ]);
    assertEquals([first.code, second.code], [0, 0], first.text + second.text);
    assertEquals(
      await digest(executable),
      await digest(`${other.folder}/dist/c2s-imds`),
    );

    await t.step("that name the commit and the imports", async () => {
      const { text } = await run([executable, "--version"], {});
      const made = `c2s-imds ${config.version} (commit ${await one
        .commit()}, imports: `;
      assertStringIncludes(text, made);
      assert(/imports: (?:JSR|npm); Deno /.test(text), text);
    });

    await t.step("that differ when a file was changed", async () => {
      await Deno.writeTextFile(`${one.folder}/main.ts`, "// changed\n");
      const { code, text } = await one.task("compile");
      assertEquals(code, 0, text);
      const { text: version } = await run([executable, "--version"], {});
      assertStringIncludes(version, `commit ${await one.commit()}-dirty,`);
    });
  },
);

const TARGET = ["--target", "aarch64-unknown-linux-gnu"];

testWith(NEEDS)("compile --target makes an executable for it", async () => {
  await using checkout = await createCheckout();
  const given = Deno.env.get("DENORT_BIN");
  const { code, text } = await checkout.task(
    "compile",
    TARGET,
    given === undefined ? {} : await foreign(given, checkout.folder),
  );
  assertEquals(code, 0, text);
  const bytes = await Deno.readFile(`${checkout.folder}/dist/c2s-imds`);
  assertEquals(new DataView(bytes.buffer).getUint16(MACHINE, true), AARCH64);
});

/** Where no runtime for aarch64 can be downloaded, one that claims to be. */
async function foreign(denort: string, folder: string) {
  const bytes = await Deno.readFile(denort);
  new DataView(bytes.buffer).setUint16(MACHINE, AARCH64, true);
  const DENORT_BIN = `${folder}/denort`;
  await Deno.writeFile(DENORT_BIN, bytes, { mode: 0o755 });
  return { DENORT_BIN };
}

testWith(NEEDS)(
  "compile --target refuses a runtime for another machine",
  async () => {
    await using checkout = await createCheckout();
    const executable = Deno.env.get("C2S_IMDS_EXECUTABLE") ?? "";
    // An executable of ours is the runtime with more behind it.
    const { code, text } = await checkout.task("compile", TARGET, {
      DENORT_BIN: Deno.env.get("DENORT_BIN") ?? executable,
    });
    assert(code !== 0);
    assertStringIncludes(
      text,
      'Cannot compile for "aarch64-unknown-linux-gnu": DENORT_BIN is for another machine',
    );
    const left = ["test", "-e", `${checkout.folder}/dist/c2s-imds`];
    assertEquals((await run(left, {})).code, 1);
  },
);
