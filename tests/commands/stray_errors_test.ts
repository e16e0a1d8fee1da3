// deno-lint-ignore-file no-console -- what Deno warns by
import { assertEquals } from "@std/assert";
import { logStrayErrors } from "../../lib/commands/stray_errors.ts";
import { createLog } from "../../lib/observe/log.ts";
import { startProgram } from "../helpers/program.ts";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

Deno.test("logStrayErrors() logs what Deno warns of, but for what it is known to", () => {
  const log: string[] = [];
  const restore = logStrayErrors(createLog({
    level: "info",
    format: "text",
    write: (line) => log.push(line.replace(/^\S+ /, "")),
  }));
  try {
    console.warn(
      "Deno.serve: request.signal aborts on successful responses (legacy behavior).",
    );
    console.warn("something is old");
  } finally {
    restore();
  }
  assertEquals(log, ['warn Deno warns text="something is old"\n']);
});

Deno.test("serve writes nothing to standard error but lines of its log", async () => {
  await using upstream = await startUpstream((_, { write }) =>
    write(answer("us-east-1"))
  );
  const { hostname, port } = upstream.address;
  await using program = await startProgram([
    "serve",
    "--listen=127.0.0.1:0",
    `--upstream=http://${hostname}:${port}`,
  ]);
  const address = {
    hostname: "127.0.0.1",
    port: Number(new URL(program.url).port),
  };
  for (let i = 0; i < 3; i++) await ask(address, get(`/latest/${i}`));
  assertEquals((await program.stop()).code, 0);
  const foreign = program.stderr().trimEnd().split("\n")
    .filter((line) => !/^\S+Z (?:info|warn) /.test(line));
  assertEquals(foreign, []);
});
