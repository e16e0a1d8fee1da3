import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { liveAsChild } from "../../lib/supervisor/child.ts";
import {
  type ChildState,
  encodeLine,
  toPlain,
} from "../../lib/supervisor/state.ts";
import type { Orders } from "../../lib/supervisor/child_process.ts";
import { firstWithin } from "../../lib/system/stop_order.ts";
import { faster } from "../helpers/faster.ts";
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
  #line = 0;

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
      explain: String,
      build: {},
      uid,
      dropPermissions: () => this.events.push("dropped"),
    });
  }

  tell(config: Partial<ServeConfig>, orders: Orders = {}): void {
    const plain = toPlain({
      ...CONFIG,
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      ...config,
    });
    this.#writer.write(
      encodeLine({ line: ++this.#line, config: plain, ...orders }),
    ).catch(() => {});
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

/** A service that takes connections and answers none. */
function silentService() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = Promise.withResolvers<void>();
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      asked.resolve();
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      await accepting;
    },
  };
}

Deno.test("the child never serves as root", async () => {
  const world = new World(0);
  world.tell({});
  await world.until(({ ports, failed }) => (ports ?? failed) !== undefined);
  await world.leave();
  assertEquals(await world.ended, false);
  assertEquals(world.said, [{
    read: 1,
    requests: 0,
    looks: 0,
    failed: "Error: The child still runs as root",
  }]);
});

Deno.test("the child drops its permissions before it says that it listens", async () => {
  const world = new World();
  world.tell({});
  await world.listening();
  assertEquals(world.events, ["dropped", "read requests looks ports"]);
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

Deno.test("the child answers each line, and tells of its progress", async () => {
  const world = new World();
  world.tell({});
  const url = await world.listening();
  world.tell({});
  await world.until(({ read }) => read === 2);
  const { status, body } = await fetch(url);
  await body?.cancel();
  assertEquals(status, 502);
  await world.until(({ requests }) => requests === 1);
  await world.leave();
  await world.ended;
});

Deno.test("the child serves by another configuration as soon as it is told", async () => {
  const world = new World();
  world.tell({ logLevel: "error" });
  const url = await world.listening();
  world.tell({ logLevel: "debug" });
  await world.until(({ read }) => read === 2);
  await (await fetch(url)).body?.cancel();
  assertMatch(world.log.join(""), /debug request/);
  await world.leave();
  await world.ended;
});

Deno.test("the child finishes the requests in flight when it is to drain", async () => {
  await using service = silentService();
  const world = new World();
  const upstream = { hostname: "127.0.0.1", port: service.port };
  world.tell({ upstream, timeoutMs: 300 });
  const answer = fetch(await world.listening());
  await service.asked;
  world.tell({ upstream, timeoutMs: 300 }, { drain: { lingerMs: 0 } });
  const { status, body } = await answer;
  await body?.cancel();
  assertEquals(status, 504);
  assertEquals(await world.ended, true);
  await world.leave();
});

Deno.test("the child waits no longer than a second for requests once its parent is gone", async () => {
  const service = silentService();
  const world = new World();
  world.tell({
    upstream: { hostname: "127.0.0.1", port: service.port },
    timeoutMs: 600_000,
  });
  let isAnswered = false;
  const answer = fetch(await world.listening()).then(({ body }) => {
    isAnswered = true;
    return body?.cancel();
  });
  await service.asked;
  using _hurry = await faster(20);
  await world.leave();
  const end = await firstWithin(100_000, world.ended);
  assertEquals([end, isAnswered], [true, false]);
  await service[Symbol.asyncDispose]();
  await answer;
});

Deno.test("the child never fills the pipe of a parent that stands still", async () => {
  const world = new World();
  world.tell({}, { tally: { repairs: 0, failures: 0 } });
  const url = await world.listening();
  using _hurry = await faster(1_000);
  const end = performance.now() + 2_000_000;
  let bytes = 0;
  while (performance.now() < end && bytes < 31_000) {
    await (await fetch(url)).body?.cancel();
    bytes = JSON.stringify(world.said).length;
  }
  assert(bytes < 33 * 1024, `${bytes} bytes were not read`);
  await world.leave();
  await world.ended;
});
