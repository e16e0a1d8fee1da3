import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { programArguments } from "../helpers/program.ts";
import { ask, get } from "../helpers/raw.ts";
import { figure } from "./figures.ts";
import {
  type Address,
  askOften,
  memoryOf,
  REGION,
  startRegion,
} from "./served.ts";

/** An address that was free a moment ago: what is printed may be lost here. */
function freeAddress(): Address {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  return { hostname, port };
}

interface Streamed extends AsyncDisposable {
  readonly address: Address;
  readonly child: Deno.ChildProcess;
  /** Ends it with SIGTERM. */
  stop(): Promise<number>;
}

/** Starts `serve` by a line of shell, and waits until it answers. */
async function startIn(
  script: string,
  upstream: Address,
): Promise<Streamed> {
  const address = freeAddress();
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", script, "sh", ...programArguments()],
      ...["serve", `--listen=127.0.0.1:${address.port}`],
      `--upstream=http://127.0.0.1:${upstream.port}`,
      ...["--log-level=debug", "--cache=0"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    return (await status).code;
  };
  try {
    await until("it answers", async () => {
      try {
        return (await ask(address, get(REGION))).status === 200;
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return false;
        throw error;
      }
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    child,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

/** What standard output and error are, by a name for it. */
const STREAMS: Readonly<Record<string, string>> = {
  "on a full disk": `exec "$@" >/dev/full 2>/dev/full`,
  "closed": `exec "$@" >&- 2>&-`,
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
    await askOften(served.address, 500);
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

Deno.test("serve answers and keeps its memory while nobody reads 10,000 lines of its log", async () => {
  await using upstream = await startRegion();
  await using served = await startIn(`exec "$@"`, upstream.address);
  // More than the pipe holds and the program keeps waiting.
  await askOften(served.address, 4_000);
  const before = await memoryOf(served.child.pid);
  await askOften(served.address, 6_000);
  const grown = await memoryOf(served.child.pid) - before;
  figure("a log that nobody reads", `${(grown / 1024).toFixed(0)} MiB more`);
  assert(grown < 48 * 1024, `${grown} KiB more`);
  const log = new Response(served.child.stderr).text();
  assertEquals(await served.stop(), 0);
  assertMatch(await log, /\nc2s-imds: \d{4,} lines of log were lost\n/);
  await served.child.stdout.cancel();
});
