import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";
import { CLIENTS } from "./clients.ts";
import { SERVICES } from "./services.ts";

const PAGE = new URL("docs/clients.md", REPOSITORY);

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

Deno.test("docs/clients.md shows every client with every service; WRITE_TABLE=1 writes it", async () => {
  const table = tableOf([
    ["client", "version", "variable", ...SERVICES.map(({ title }) => title)],
    ...CLIENTS.map(({ name, version = "Debian's", fixed }) => [
      name,
      version,
      fixed ? "none" : "yes",
      ...SERVICES.map(({ givesUp }) =>
        givesUp.includes(name) ? "gives up" : "the same"
      ),
    ]),
  ]);
  const page = await Deno.readTextFile(PAGE);
  const expected = page.replace(/^\|[^]*\|$/m, table);
  if (Deno.env.has("WRITE_TABLE")) await Deno.writeTextFile(PAGE, expected);
  else assertEquals(page, expected);
});
