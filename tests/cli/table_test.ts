import { assertEquals } from "@std/assert";
import { alignColumns, cutMiddle } from "../../lib/cli/table.ts";

Deno.test("alignColumns() makes columns as wide as their widest cell, and escapes cells", () => {
  assertEquals(
    alignColumns([["name", "x", "end"], ["a", "wide", ""], ["b", "\n", "c"]]),
    "name  x      end\na     wide\nb     \\u{a}  c\n",
  );
  assertEquals(alignColumns([]), "");
});

Deno.test("cutMiddle() leaves the beginning and the end when a text is too long", () => {
  for (
    const [text, width, shown] of [
      ["us-east-1", 9, "us-east-1"],
      ["us-east-1", 8, "us-e…t-1"],
      ["us-east-1", 7, "us-…t-1"],
      ["us-east-1", 2, "u…"],
      ["us-east-1", 1, "…"],
      ["", 4, ""],
      ["😀😀😀😀", 3, "😀…😀"],
    ] as const
  ) assertEquals(cutMiddle(text, width), shown);
});
