import type { ListenAddress } from "../../lib/config/serve_config.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { succeed } from "../helpers/plain_runner.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startRegion, startServed } from "./served.ts";

const NEEDS = [{ command: "prlimit", from: "util-linux" }];

/** Sets how many descriptors a process may have; it may have more again. */
async function limitDescriptors(pid: number, most: number): Promise<void> {
  await succeed(["prlimit", `--pid=${pid}`, `--nofile=${most}:`]);
}

/** Connects until the listener is gone, with nothing left to accept with. */
async function exhaust(address: ListenAddress): Promise<RawClient[]> {
  const held: RawClient[] = [];
  while (held.length < 1_000) {
    try {
      held.push(await RawClient.connect(address));
    } catch (error) {
      assert(error instanceof Deno.errors.ConnectionRefused);
      return held;
    }
    // A busy machine accepts late: the longer, the more are not accepted.
    const pause = Math.max(1, held.length - 200);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new Error(`It took ${held.length} connections`);
}

testWith(NEEDS)(
  "serve listens again after it ran out of descriptors",
  async () => {
    await using upstream = await startRegion();
    await using served = await startServed(upstream.address);
    const { address, program } = served;
    await limitDescriptors(program.pid, 64);
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

testWith(NEEDS)(
  "serve answers 502 while it has no descriptor for the upstream, and 200 once it has",
  async () => {
    await using upstream = await startUpstream((_, connection) =>
      connection.write(answer("us-east-1", ["Connection: close"]))
    );
    await using served = await startServed(upstream.address, ["--cache=0"]);
    const { address, program } = served;
    assertEquals((await ask(address, get("/"))).status, 200);
    using client = await RawClient.connect(address);
    await client.send(get("/latest/meta-data/placement/region"));
    assertEquals((await client.answer()).body, "us-iso-east-1");
    for (let round = 0; round < 5; round++) {
      await limitDescriptors(program.pid, 3);
      await client.send(get("/latest/meta-data/placement/region"));
      const { status, body } = await client.answer();
      assertEquals(status, 502);
      assertMatch(body, /: cannot be reached: EMFILE\n$/);
      await limitDescriptors(program.pid, 1_024);
      await client.send(get("/latest/meta-data/placement/region"));
      assertEquals((await client.answer()).body, "us-iso-east-1");
    }
    assertEquals((await program.stop()).code, 0);
  },
);
