import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  encodeLine,
  fromPlain,
  parseChildState,
  readLines,
  toPlain,
} from "../../lib/supervisor/state.ts";
import { CONFIG } from "./config.ts";

/** Reads the lines of some bytes that come in pieces. */
function linesOf(bytes: Uint8Array, size: number, longest: number) {
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.subarray(i * size, (i + 1) * size),
  );
  const reader = ReadableStream.from(pieces).getReader();
  return Array.fromAsync(readLines(reader, longest));
}

Deno.test("readLines() gives the lines whatever the chunks of the pipe", async () => {
  const text = '{"é":1}\n{"b":2}\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 3, 64]) {
    assertEquals(await linesOf(bytes, size, 10), ['{"é":1}', '{"b":2}']);
  }
});

Deno.test("readLines() throws at a line that is too long, ended or not", async () => {
  for (const text of ["12345\n", "12345"]) {
    await assertRejects(
      () => linesOf(new TextEncoder().encode(text), 64, 4),
      Error,
      "Cannot read a line of more than 4 characters",
    );
  }
});

Deno.test("fromPlain() gives back the configuration that a line carries", () => {
  const [line] = new TextDecoder().decode(
    encodeLine({ line: 1, config: toPlain(CONFIG) }),
  ).split("\n");
  assertEquals(fromPlain(JSON.parse(line ?? "").config), CONFIG);
});

const SOUND = { read: 0, requests: 0, looks: 0 };

Deno.test("parseChildState() takes what a child can say", () => {
  for (
    const [said, port] of [
      [{}, 4000],
      [{ ports: [4000] }, 4000],
      [{ ports: [65_535] }, 0],
      [{ failed: "no such address", taken: 0 }, 4000],
      [{ crowds: 3 }, 4000],
      [{ unreachable: { hostname: "10.1.1.1", port: 80, times: 2 } }, 4000],
    ] as const
  ) {
    const state = { ...SOUND, ...said };
    const asked = [{ hostname: "127.0.0.1", port }];
    assertEquals<unknown>(parseChildState(JSON.stringify(state), asked), state);
  }
});

const INJECTED = "4000\nCOMMIT\n*filter\n-F INPUT";

Deno.test("parseChildState() throws at anything else", async (t) => {
  for (
    const [said, port] of [
      [{ ports: [4001] }, 4000],
      [{ ports: ["4000"] }, 4000],
      [{ ports: [INJECTED] }, 0],
      [{ ports: [0] }, 0],
      [{ ports: [65_536] }, 0],
      [{ ports: [1.5] }, 0],
      [{ ports: [4000, 4001] }, 4000],
      [{ ports: [null] }, 4000],
      [{ ports: [] }, 4000],
      [{ ports: { 0: 4000, length: 1 } }, 4000],
      [{ ports: "4000" }, 4000],
      [{ read: -1 }, 4000],
      [{ crowds: "3" }, 4000],
      [{ requests: "1" }, 4000],
      [{ looks: undefined }, 4000],
      [{ failed: 1 }, 4000],
      [{ taken: 1 }, 4000],
      [{ unreachable: { hostname: 1, port: 80, times: 1 } }, 4000],
      [{ unreachable: { hostname: "h", port: 0, times: 1 } }, 4000],
      [{ unreachable: null }, 4000],
      [{ say: "listening" }, 4000],
    ] as const
  ) {
    const line = JSON.stringify({ ...SOUND, ...said });
    await t.step(`${line} at ${port}`, () => {
      assertThrows(
        () => parseChildState(line, [{ hostname: "127.0.0.1", port }]),
        Error,
      );
    });
  }
  for (const line of ["nonsense", "", "null", "[]", "1"]) {
    await t.step(JSON.stringify(line), () => {
      assertThrows(() => parseChildState(line, CONFIG.listen), Error);
    });
  }
});
