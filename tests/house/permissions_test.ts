/**
 * docs/permissions.md says what the executable and the proxy may do.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { permissionFlags, PERMISSIONS } from "../../deploy/permissions.ts";
import { DROPPED_BY_CHILD, NEVER_NEEDED } from "../../lib/system/restrict.ts";
import { ownCommand } from "../../lib/supervisor/own_command.ts";
import { sourceFiles } from "../helpers/files.ts";

const [{ text: PAGE } = { text: "" }] = sourceFiles("docs/permissions.md");

const ITEM =
  /^- (`\w+`)(?:, limited to ([^:]+))?: (.*)\. `serve` (.*), its child (.*)\.$/gm;

/** The list's items, part by part. */
const ROWS = Array.from(
  PAGE.replaceAll(/\n +/g, " ").matchAll(ITEM),
  ([, name, only = "", ...parts]) => [name, only, ...parts],
);

/** What is done with a permission by who drops those of a list. */
function doneWith(name: string, list: readonly string[]): string {
  return list.includes(name) ? "drops it" : "keeps it";
}

Deno.test("docs/permissions.md has every permission of the executable with its reason", () => {
  const expected = PERMISSIONS.map(({ name, only = [], reason }) => [
    `\`${name}\``,
    only.map((it) => `\`${it}\``).join(", "),
    reason,
    doneWith(name, NEVER_NEEDED),
    doneWith(name, DROPPED_BY_CHILD),
  ]);
  assertEquals(ROWS.slice(0, expected.length), expected);
});

Deno.test("docs/permissions.md has every permission that serve and the proxy drop", () => {
  for (
    const [column, list] of [[3, NEVER_NEEDED], [4, DROPPED_BY_CHILD]] as const
  ) {
    assertEquals(
      ROWS.filter((row) => row[column] === "drops it").map((row) => row[0])
        .sort(),
      list.map((name) => `\`${name}\``).sort(),
    );
  }
});

Deno.test("the proxy keeps net and sys alone, and from source starts with env besides", () => {
  const names = PERMISSIONS.map(({ name }) => name);
  assertEquals(
    names.filter((name) => doneWith(name, DROPPED_BY_CHILD) === "keeps it"),
    ["net", "sys"],
  );
  const flags = permissionFlags();
  assertEquals(
    ownCommand({}).args.filter((arg) => arg.startsWith("--allow")),
    flags.filter((flag) => /^--allow-(?:net|env|sys)\b/.test(flag)),
  );
  assertStringIncludes(PAGE, "`program`");
  const granted = PERMISSIONS.filter(({ only }) => only?.length !== 0);
  assertEquals<Readonly<Record<string, boolean>>>(
    config.permissions.program,
    Object.fromEntries(granted.map(({ name }) => [name, true])),
  );
});

Deno.test("deploy/compile.ts takes its permissions from deploy/permissions.ts alone", () => {
  const [{ text } = { text: "" }] = sourceFiles("deploy/compile.ts");
  assertStringIncludes(text, "...permissionFlags()");
  assertEquals(/--(?:allow|deny)-|"-A"/.exec(text), null);
});

Deno.test("the executable may run every command that lib/ names", () => {
  const allowed = PERMISSIONS.find(({ name }) => name === "run")?.only ?? [];
  const command = /\b(?:run|quick)\(\s*\[\s*(?:\.\.\.\[)?"([^"]+)"/g;
  const named = sourceFiles("lib").flatMap(({ text }) =>
    Array.from(text.matchAll(command), ([, name = ""]) => name)
  );
  assert(named.includes("cat"));
  assertEquals(named.filter((name) => !allowed.includes(name)), []);
});
