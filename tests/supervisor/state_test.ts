import { assertEquals, assertThrows } from "@std/assert";
import {
  NEW_CHILD,
  parseChildState,
  readLines,
} from "../../lib/supervisor/state.ts";

/** Lines of at most ten characters, by the text that comes. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  '{"é":1}\n{"b":2}\n': ['{"é":1}', '{"b":2}'],
  "whole\nrest": ["whole", "rest"],
  "0123456789abc\nnext\n": ["0123456789", "next"],
};

Deno.test("readLines() gives the lines whatever the chunks of the pipe, and cuts those that are too long", async () => {
  for (const [text, lines] of Object.entries(LINES)) {
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 3, 64]) {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, i) => bytes.subarray(i * size, (i + 1) * size),
      );
      const reader = ReadableStream.from(pieces).getReader();
      const read = await Array.fromAsync(readLines(reader, 10));
      // In small pieces the rest of a long line counts as one.
      assertEquals(read.filter((it) => !/^[a-c]+$/.test(it)), lines);
    }
  }
});

/** What a child can say that listens at a port. */
const SOUND: readonly (readonly [said: object, port: number])[] = [
  [{}, 4000],
  [{ ports: [4000] }, 4000],
  [{ ports: [65_535] }, 0],
  [{ failed: "no such address", taken: 0 }, 4000],
];

Deno.test("parseChildState() takes what a child can say", () => {
  for (const [said, port] of SOUND) {
    const state = { ...NEW_CHILD, ...said };
    const listen = [{ hostname: "127.0.0.1", port }];
    assertEquals(parseChildState(JSON.stringify(state), listen), state);
  }
});

/** What it cannot. */
const UNSOUND: readonly (readonly [said: object, port: number])[] = [
  [{ ports: [4001] }, 4000],
  [{ ports: ["4000"] }, 4000],
  [{ ports: ["4000\nCOMMIT\n*filter\n-F INPUT"] }, 0],
  [{ ports: [0] }, 0],
  [{ ports: [65_536] }, 0],
  [{ ports: [1.5] }, 0],
  [{ ports: [4000, 4001] }, 4000],
  [{ ports: [null] }, 4000],
  [{ ports: [] }, 4000],
  [{ ports: { 0: 4000, length: 1 } }, 4000],
  [{ requests: "1" }, 4000],
  [{ asked: undefined }, 4000],
  [{ asked: { rule: 1, owners: -1, upstream: 0 } }, 4000],
  [{ failed: 1 }, 4000],
  [{ taken: 1 }, 4000],
  [{ say: "listening" }, 4000],
];

Deno.test("parseChildState() throws at anything else", () => {
  const lines = UNSOUND.map(([said, port]) =>
    [JSON.stringify({ ...NEW_CHILD, ...said }), port] as const
  );
  const others = ["nonsense", "", "null", "[]", "1"];
  for (
    const [line, port] of [
      ...lines,
      ...others.map((it) => [it, 0] as const),
    ]
  ) {
    const listen = [{ hostname: "127.0.0.1", port }];
    assertThrows(() => parseChildState(line, listen), Error);
  }
});
