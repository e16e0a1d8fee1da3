import { assert, assertEquals, assertMatch } from "@std/assert";
import { startProgram } from "../helpers/program.ts";
import { until } from "../helpers/node.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const DESCRIPTORS = 64;

async function limitDescriptors(pid: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", {
    args: [`--pid=${pid}`, `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`],
  }).output();
  assert(success);
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Connects until the listener is gone, with nothing left to accept with. */
async function exhaust(address: Address): Promise<RawClient[]> {
  const held: RawClient[] = [];
  for (let i = 0; i < 10 * DESCRIPTORS; i++) {
    try {
      held.push(await RawClient.connect(address));
    } catch (error) {
      assert(error instanceof Deno.errors.ConnectionRefused);
      return held;
    }
    // A busy machine accepts late: the longer, the more are not accepted.
    const pause = Math.max(1, i - 2 * DESCRIPTORS);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new Error(`It took ${held.length} connections`);
}

testWith([{ command: "prlimit", from: "util-linux" }])(
  "serve listens again after it ran out of descriptors",
  async () => {
    await using upstream = await startUpstream((_, connection) =>
      connection.write(answer("us-east-1"))
    );
    await using program = await startProgram([
      "serve",
      "--listen=127.0.0.1:0",
      `--upstream=http://127.0.0.1:${upstream.address.port}`,
    ]);
    const address = {
      hostname: "127.0.0.1",
      port: Number(new URL(program.url).port),
    };
    await limitDescriptors(program.pid);
    for (let round = 1; round <= 3; round++) {
      const held = await exhaust(address);
      for (const client of held) client.close();
      await until("it listens again", async () => {
        const got = await ask(address, get("/latest/")).catch(() => undefined);
        return got?.body === "us-iso-east-1";
      });
    }
    const { code, stderr } = await program.stop();
    assertEquals(code, 0);
    assertMatch(stderr, /listening again address=127\.0\.0\.1/);
    // Not two lines each time: clients must not fill the log.
    assertEquals(stderr.match(/the listener failed/g)?.length, 1);
    assertEquals(stderr.match(/listening again/g)?.length, 1);
  },
);
