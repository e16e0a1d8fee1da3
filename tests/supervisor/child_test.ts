import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { liveAsChild } from "../../lib/supervisor/child.ts";
import {
  type ChildState,
  type DesiredChild,
  encodeLine,
  NEW_CHILD,
} from "../../lib/supervisor/state.ts";
import { delay } from "../../lib/system/timers.ts";
import { skipWaits, stopClock } from "../helpers/clock.ts";
import {
  answer as answerOf,
  type Connection,
  startUpstream,
} from "../helpers/upstream.ts";
import { CONFIG } from "./config.ts";

/** A child in this process, with a test for its parent. */
class World {
  readonly said: ChildState[] = [];
  readonly events: string[] = [];
  readonly log: string[] = [];
  readonly ended: Promise<boolean>;
  readonly #input = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#input.writable.getWriter();
  #news = Promise.withResolvers<void>();

  constructor(uid = 10_169) {
    this.ended = liveAsChild({
      input: this.#input.readable,
      send: (bytes) => {
        const state = JSON.parse(new TextDecoder().decode(bytes));
        this.said.push(state);
        this.events.push(Object.keys(state).join(" "));
        this.#news.resolve();
        this.#news = Promise.withResolvers();
      },
      log: (line) => this.log.push(line),
      guard: () => {},
      build: {},
      uid,
      dropPermissions: () => this.events.push("dropped"),
    });
  }

  tell(given: Partial<ServeConfig>, orders: Partial<DesiredChild> = {}): void {
    const listen = [{ hostname: "127.0.0.1", port: 0 }];
    const config = { ...CONFIG, listen, ...given };
    this.#writer.write(encodeLine({ config, ...orders })).catch(() => {});
  }

  async until(holds: (state: ChildState) => boolean): Promise<ChildState> {
    for (;;) {
      const state = this.said.find(holds);
      if (state !== undefined) return state;
      await this.#news.promise;
    }
  }

  async listening(): Promise<string> {
    const { ports } = await this.until((it) => it.ports !== undefined);
    return `http://127.0.0.1:${ports?.[0]}/latest`;
  }

  leave(): Promise<void> {
    return this.#writer.close().catch(() => {});
  }
}

Deno.test("the child never serves as root", async () => {
  const world = new World(0);
  world.tell({});
  await world.until(({ ports, failed }) => (ports ?? failed) !== undefined);
  await world.leave();
  assertEquals(await world.ended, false);
  const failed = "The child still runs as root";
  assertEquals(world.said, [{ ...NEW_CHILD, failed }]);
});

Deno.test("the child drops its permissions before it says that it listens", async () => {
  const world = new World();
  world.tell({});
  await world.listening();
  assertEquals(world.events, ["dropped", "requests asked ports"]);
  await world.leave();
  assertEquals(await world.ended, true);
});

Deno.test("the child says which address another program has", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  const world = new World();
  world.tell({
    listen: [
      { hostname: "127.0.0.1", port: 0 },
      { hostname: "127.0.0.1", port },
    ],
  });
  assertEquals(await world.ended, false);
  assertEquals(world.said.map(({ taken }) => taken), [1]);
});

Deno.test("the child answers each line, serves by what it says, and tells of its progress", async () => {
  const world = new World();
  world.tell({ logLevel: "error" });
  const url = await world.listening();
  const told = world.said.length;
  world.tell({ logLevel: "debug" });
  await world.until(() => world.said.length > told);
  const { status, body } = await fetch(url);
  await body?.cancel();
  assertEquals(status, 502);
  assertMatch(world.log.join(""), /debug request/);
  await world.until(({ requests }) => requests === 1);
  await world.leave();
  await world.ended;
});

/** A child with a request in flight. */
async function asking() {
  const asked = Promise.withResolvers<Connection>();
  const service = await startUpstream((_, it) => asked.resolve(it));
  const world = new World();
  const config = { upstream: service.address, timeoutMs: 360_000_000 };
  world.tell(config);
  const answer = fetch(await world.listening()).then(async (answer) => {
    await answer.body?.cancel();
    return answer.status;
  });
  return { service, world, config, answer, connection: await asked.promise };
}

Deno.test("the child finishes the requests in flight when it is to drain", async () => {
  const { service, world, config, answer, connection } = await asking();
  const told = world.said.length;
  world.tell(config, { drain: { lingerMs: 0 } });
  await world.until(() => world.said.length > told);
  const first = await Promise.race([delay(20), world.ended]);
  assertEquals(first, undefined, "it waits for the request");
  await connection.write(answerOf("late"));
  assertEquals(await world.ended, true);
  assertEquals(await answer, 200);
  await world.leave();
  await service[Symbol.asyncDispose]();
});

Deno.test("the child waits no longer than a second for requests once its parent is gone", async () => {
  const { service, world, answer } = await asking();
  {
    using _clock = await skipWaits();
    const before = performance.now();
    await world.leave();
    assertEquals(await world.ended, true);
    assertEquals(performance.now() - before, 1_000);
  }
  await service[Symbol.asyncDispose]();
  assertEquals(await answer, 502);
});

Deno.test("the child never fills the pipe of a parent that stands still", async () => {
  const world = new World();
  world.tell({}, { tally: { repairs: 0, failures: 0 } });
  const url = await world.listening();
  using clock = await stopClock();
  const bytes = () => JSON.stringify(world.said).length;
  const ask = async () => {
    await (await fetch(url)).body?.cancel();
    clock.advance(1_000);
  };
  while (bytes() < 31_000) await ask();
  for (let i = 0; i < 100; i++) await ask();
  assert(bytes() < 33 * 1024, `${bytes()} bytes were not read`);
  await world.leave();
  await world.ended;
});
