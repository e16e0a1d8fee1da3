import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { parsePool } from "../../lib/manifests/pool.ts";

const parse = (text: string) => parsePool({ text, source: "--role" });

Deno.test("parsePool() takes any DNS label", () => {
  for (const text of ["worker", "a", "gpu-2", "0a", "x".repeat(63)]) {
    assertEquals(parse(text), text);
  }
});

Deno.test("parsePool() refuses what is none", () => {
  for (
    const text of [
      "Worker",
      "-a",
      "a-",
      "a.b",
      "a_b",
      "a b",
      "a\n",
      "../a",
      "x".repeat(64),
    ]
  ) {
    assertThrows(() => parse(text), UsageError, "the name of a pool");
  }
});
