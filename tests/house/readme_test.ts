import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../lib/commands/registry.ts";
import { SERVE_OPTIONS } from "../../lib/config/serve_options.ts";
import { PATH_RULES } from "../../lib/rewrite/path_rules.ts";
import { REPOSITORY } from "../helpers/files.ts";

/** A document of the project. */
function page(path: string): string {
  return Deno.readTextFileSync(new URL(path, REPOSITORY));
}

/** The cells of a Markdown table's rows. */
function cells(line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) =>
    cell.trim().replaceAll("\\|", "|")
  );
}

Deno.test("docs/serve.md has every option of serve with its default", () => {
  const rows = page("docs/serve.md").split("\n")
    .filter((line) => line.startsWith("| `--")).map(cells);
  const expected = SERVE_OPTIONS.map(({ name, value, fallback }) => [
    `\`--${name}${value === undefined ? "" : ` ${value}`}\``,
    fallback === undefined
      ? (value === undefined ? "off" : "")
      : `\`${fallback}\``,
  ]);
  assertEquals(
    rows.map((row) => row.slice(0, 2)).sort(),
    expected.sort(),
  );
});

Deno.test("docs/rewriting.md has every path that is not rewritten, with the reason", () => {
  const text = page("docs/rewriting.md").replaceAll(/\n +/g, " ");
  for (const { paths, reason, rule } of PATH_RULES) {
    const named = paths.map((path) => `\`${path}\``).join(", ");
    assertStringIncludes(
      text,
      rule === undefined ? `\n- ${reason}: ${named}\n` : named,
    );
  }
});

Deno.test("README.md fits in 7 kB", () => {
  assert(new TextEncoder().encode(page("README.md")).length <= 7_000);
});

Deno.test("docs/README.md has every subcommand that is for people", () => {
  const [, table = ""] = page("docs/README.md").split("| subcommand ");
  const [rows = ""] = table.split("\n\n");
  const named = rows.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => cells(line)[0]?.match(/[\w-]+/)?.[0]);
  assertEquals(
    named.sort(),
    COMMANDS.filter(({ hidden }) => hidden !== true).map(({ name }) => name)
      .sort(),
  );
});
