import { assert, assertEquals } from "@std/assert";
import { NonBlockingWriter } from "../../lib/cli/io.ts";

/** A reader that takes a few bytes at a time, once it is let. */
function slowReader() {
  const open = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  return {
    open: () => open.resolve(),
    text: () => text,
    async write(bytes: Uint8Array): Promise<number> {
      await open.promise;
      const some = bytes.subarray(0, 1_000);
      text += decoder.decode(some);
      return some.length;
    },
  };
}

Deno.test("NonBlockingWriter.put() writes everything in order, however little is taken at a time", async () => {
  const reader = slowReader();
  const writer = new NonBlockingWriter((bytes) => reader.write(bytes));
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  for (const line of lines) writer.put(line);
  assertEquals(reader.text(), "");
  reader.open();
  await writer.flush(5_000);
  assertEquals(reader.text(), lines.join(""));
});

Deno.test("NonBlockingWriter.put() drops and counts lines when nobody reads", async () => {
  const reader = slowReader();
  const writer = new NonBlockingWriter((bytes) => reader.write(bytes));
  for (let i = 0; i < 1_000; i++) writer.put(`${"x".repeat(1_023)}\n`);
  await writer.flush(1);
  assertEquals(reader.text(), "");
  reader.open();
  await writer.flush(5_000);
  const written = reader.text().match(/x\n/g)?.length ?? 0;
  assert(written > 250 && written < 260, `${written} lines`);
  assertEquals(
    reader.text().slice(written * 1_024),
    `c2s-imds: ${1_000 - written} lines of log were lost\n`,
  );
  writer.put("again\n");
  await writer.flush(5_000);
  assert(reader.text().endsWith("lost\nagain\n"));
});

Deno.test("NonBlockingWriter.put() goes on when the reader is gone", async () => {
  let tries = 0;
  const writer = new NonBlockingWriter(() => {
    tries++;
    return Promise.reject(new Deno.errors.BrokenPipe("gone"));
  });
  writer.put("one\n");
  await writer.flush(5_000);
  writer.put("two\n");
  await writer.flush(5_000);
  assertEquals(tries, 2);
});
