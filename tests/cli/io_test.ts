import { assert, assertEquals } from "@std/assert";
import { NonBlockingWriter } from "../../lib/cli/io.ts";

Deno.test("NonBlockingWriter.put() waits for no reader, writes in order, and counts what it drops", async () => {
  const open = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  const writer = new NonBlockingWriter(async (bytes) => {
    await open.promise;
    const some = bytes.subarray(0, 1_000);
    text += decoder.decode(some);
    return some.length;
  });
  const lines = Array.from(
    { length: 1_000 },
    (_, i) => `${String(i).padEnd(1_023, ".")}\n`,
  );
  for (const line of lines) writer.put(line);
  await writer.flush(1);
  assertEquals(text, "");
  open.resolve();
  await writer.flush(5_000);
  const written = text.split("\n").length - 2;
  assert(written > 250 && written < 260, `${written} lines`);
  assertEquals(
    text,
    lines.slice(0, written).join("") +
      `c2s-imds: ${1_000 - written} lines of log were lost\n`,
  );
  writer.put("again\n");
  await writer.flush(5_000);
  assert(text.endsWith("lost\nagain\n"));
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
