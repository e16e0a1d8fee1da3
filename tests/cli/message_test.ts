import { assertEquals } from "@std/assert";
import {
  alignColumns,
  cutMiddle,
  errorLine,
  quote,
  unknown,
  UsageError,
} from "../../lib/cli/message.ts";

Deno.test("errorLine() is one line without a stack, with the causes that add something", () => {
  const disk = new Error("no disk", { cause: "no money" });
  for (
    const [error, line] of [
      [new UsageError("Cannot", { cause: new Error("why") }), "Cannot"],
      [new Error("Cannot", { cause: disk }), "Cannot: no disk: no money"],
      [
        new Error("Cannot: no disk", { cause: disk }),
        "Cannot: no disk: no money",
      ],
      [new TypeError(), "TypeError"],
      [new Error("one\ntwo"), "one\\u{a}two"],
      ["text", "text"],
    ] as const
  ) assertEquals(errorLine(error), line);
});

Deno.test("quote() keeps a value in one line, and short", () => {
  assertEquals(
    quote('"a\nb\r\x1b[31m\u2028\u202e\u0085'),
    '"\\"a\\nb\\r\\u001b[31m\\u{2028}\\u{202e}\\u{85}"',
  );
  assertEquals(quote("x".repeat(5_000)), `"${"x".repeat(200)}…"`);
});

Deno.test("unknown() suggests the name that is most like it", () => {
  const known = [
    "log-level",
    "log-format",
    "region",
    "realRegion",
    "user",
    "real",
  ];
  for (
    const [name, hint] of [
      ["logLevel", `did you mean "log-level"?`],
      ["log-levle", `did you mean "log-level"?`],
      ["log_frmat", `did you mean "log-format"?`],
      ["regions", `did you mean "region"?`],
      ["reg", `did you mean "region"?`],
      ["real-regoin", `did you mean "realRegion"?`],
      ["realRegio", `did you mean "realRegion"?`],
      ["us", "see --help"],
      ["uxyr", "see --help"],
      ["frobnicate", "see --help"],
    ] as const
  ) {
    const { message } = unknown(`name ${name}`, name, known);
    assertEquals(message, `Unknown name ${name}: ${hint}`);
  }
});

Deno.test("alignColumns() makes columns as wide as their widest cell, and escapes cells", () => {
  assertEquals(
    alignColumns([["name", "x", "end"], ["a", "wide", ""], ["b", "\n", "c"]]),
    "name  x      end\na     wide\nb     \\u{a}  c\n",
  );
});

Deno.test("cutMiddle() leaves the beginning and the end when a text is too long", () => {
  for (
    const [text, width, shown] of [
      ["us-east-1", 9, "us-east-1"],
      ["us-east-1", 8, "us-e…t-1"],
      ["us-east-1", 7, "us-…t-1"],
      ["us-east-1", 1, "…"],
      ["😀😀😀😀", 3, "😀…😀"],
    ] as const
  ) assertEquals(cutMiddle(text, width), shown);
});
