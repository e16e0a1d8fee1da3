import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startServed } from "./served.ts";

/** Sets how many descriptors a process may have; it may have more again. */
async function limitDescriptors(pid: number, most: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", {
    args: [`--pid=${pid}`, `--nofile=${most}:`],
  }).output();
  assert(success);
}

testWith([{ command: "prlimit", from: "util-linux" }])(
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
