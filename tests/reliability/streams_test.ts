import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import { installedProgram } from "../helpers/installed.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { ask, get } from "../helpers/raw.ts";
import { nowhere } from "../helpers/upstream.ts";
import { askOften, REGION, startRegion } from "./served.ts";

/** Starts `serve` by a line of shell, and waits until it answers. */
async function startIn(script: string, upstream: UpstreamAddress) {
  // What is printed, its address for one, may be lost here.
  const address = nowhere();
  const { command, env } = await installedProgram();
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", script, "sh", ...command],
      ...["serve", `--listen=127.0.0.1:${address.port}`],
      `--upstream=http://127.0.0.1:${upstream.port}`,
      ...["--log-level=debug", "--cache=0"],
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  /** Ends it with SIGTERM. */
  const stop = async (): Promise<number> => {
    if (!ended) child.kill("SIGTERM");
    return (await status).code;
  };
  const served = {
    ...{ address, child, stop },
    [Symbol.asyncDispose]: () => stop().then(() => {}),
  };
  try {
    await until(
      "it answers",
      () =>
        ask(address, get(REGION)).then(
          ({ status }) => status === 200,
          () => false,
        ),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return served;
}

/** What standard output and error are, by a name for it. */
const STREAMS: Readonly<Record<string, string>> = {
  "on a full disk": `exec "$@" >/dev/full 2>/dev/full`,
  "closed with standard input": `exec "$@" <&- >&- 2>&-`,
  "open for reading only": `exec "$@" >/dev/null 1</dev/null 2</dev/null`,
  "without a reader": `exec "$@"`,
};

for (const [how, script] of Object.entries(STREAMS)) {
  Deno.test(`serve answers with standard output and error ${how}`, async () => {
    await using upstream = await startRegion();
    await using served = await startIn(script, upstream.address);
    await served.child.stdout.cancel();
    await served.child.stderr.cancel();
    await askOften(served.address, 100);
    assertEquals(await served.stop(), 0);
  });
}

Deno.test("serve says in its log that it could not write standard output", async () => {
  await using upstream = await startRegion();
  await using served = await startIn(
    `exec "$@" >/dev/full`,
    upstream.address,
  );
  const log = new Response(served.child.stderr).text();
  await served.child.stdout.cancel();
  assertEquals(await served.stop(), 0);
  assertMatch(
    await log,
    /warn cannot say where it listens error="Cannot write standard output: No space left on device/,
  );
});

Deno.test("serve answers while nobody reads its log, and says how many lines were lost", async () => {
  await using upstream = await startRegion();
  await using served = await startIn(`exec "$@"`, upstream.address);
  // More than the pipe holds and the program keeps waiting: 320 KiB.
  await askOften(served.address, 500, `/${"x".repeat(1_000)}`);
  const log = new Response(served.child.stderr).text();
  assertEquals(await served.stop(), 0);
  assertMatch(await log, /\nc2s-imds: \d{2,} lines of log were lost\n/);
  await served.child.stdout.cancel();
});
