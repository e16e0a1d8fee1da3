import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";
import { CLIENTS } from "./clients.ts";
import { SERVICES } from "./services.ts";

/** A table as `deno fmt` wants it. */
function tableOf(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0))
  );
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...body].map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`
  ).join("\n");
}

/** The table of clients, by the page that has it. */
const TABLES: Readonly<Record<string, string>> = {
  "README.md": tableOf([
    ["client", "version", "through"],
    ...CLIENTS.map(({ name, version = "Debian's", fixed }) => [
      name,
      version,
      fixed ? "rule" : "proxy, rule",
    ]),
  ]),
  "docs/clients.md": tableOf([
    ["client", "version", "variable", ...SERVICES.map(({ title }) => title)],
    ...CLIENTS.map(({ name, version = "Debian's", fixed }) => [
      name,
      version,
      fixed ? "none" : "yes",
      ...SERVICES.map(({ givesUp }) =>
        givesUp.includes(name) ? "gives up" : "the same"
      ),
    ]),
  ]),
};

for (const [path, table] of Object.entries(TABLES)) {
  Deno.test(`${path} shows every client; WRITE_TABLE=1 writes it`, async () => {
    const url = new URL(path, REPOSITORY);
    const page = await Deno.readTextFile(url);
    const expected = page.replace(/^\| client [^]*?\|$(?!\n\|)/m, table);
    if (Deno.env.has("WRITE_TABLE")) await Deno.writeTextFile(url, expected);
    else assertEquals(page, expected);
  });
}
