import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../lib/commands/registry.ts";
import { SERVE_OPTIONS } from "../../lib/config/serve_options.ts";
import { PATH_RULES } from "../../lib/rewrite/path_rules.ts";
import { REPOSITORY } from "../helpers/files.ts";

const README = Deno.readTextFileSync(new URL("README.md", REPOSITORY));

/** The cells of a Markdown table's rows. */
function cells(line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) =>
    cell.trim().replaceAll("\\|", "|")
  );
}

Deno.test("README.md has every option of serve with its default", () => {
  const rows = README.split("\n").filter((line) => line.startsWith("| `--"))
    .map(cells);
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

Deno.test("README.md has every path that is not rewritten, with the reason", () => {
  const [, table = ""] = README.split("| answer ");
  const rows = table.split("\n\n")[0]?.split("\n").slice(2).map(cells) ?? [];
  assertEquals(
    rows.map(([paths, what, reason]) => [paths, what !== "", reason]),
    PATH_RULES.map(({ paths, reason }) => [
      paths.map((path) => `\`${path}\``).join(", "),
      true,
      reason,
    ]),
  );
});

Deno.test("README.md has every subcommand that is for people", () => {
  const [, table = ""] = README.split("| subcommand ");
  const [rows = ""] = table.split("\n\n");
  const named = rows.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => cells(line)[0]?.match(/[\w-]+/)?.[0]);
  assertEquals(
    named.sort(),
    COMMANDS.filter(({ hidden }) => hidden !== true).map(({ name }) => name)
      .sort(),
  );
});
