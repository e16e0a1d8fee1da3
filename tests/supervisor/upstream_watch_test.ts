import { assertEquals } from "@std/assert";
import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import type { UpstreamNews } from "../../lib/supervisor/messages.ts";
import { UpstreamWatch } from "../../lib/supervisor/upstream_watch.ts";

const FIRST = { hostname: "10.1.1.1", port: 80 };
const SECOND = { hostname: "10.1.1.2", port: 80 };

/** A watch over an upstream that a test moves. */
class World {
  where: UpstreamAddress | string = FIRST;
  readonly failures: UpstreamAddress[] = [];
  readonly told: UpstreamNews[] = [];
  looks = 0;
  /** Holds the child's pipe back. */
  pipe: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<void>();
  readonly watch: UpstreamWatch;
  readonly #run: Promise<void>;

  constructor(everyMs: number) {
    this.watch = new UpstreamWatch({
      everyMs,
      source: {
        moves: true,
        current: () => {
          this.looks++;
          return typeof this.where === "string"
            ? Promise.reject(new Error(this.where))
            : Promise.resolve(this.where);
        },
        failed: (address) => this.failures.push(address),
        close: () => {},
      },
      tell: (news) => {
        this.told.push(news);
        return this.pipe;
      },
    });
    this.#run = this.watch.run(this.#ended.promise);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.resolve();
    await this.#run;
  }
}

Deno.test("UpstreamWatch.run() tells where the upstream is, and only what is new", async () => {
  await using world = new World(1);
  await world.until(() => world.looks >= 3);
  assertEquals(world.told, [{ address: FIRST }]);
  world.where = SECOND;
  await world.until(() => world.told.length === 2);
  world.where = "no lease is there";
  await world.until(() => world.told.length === 3);
  assertEquals(world.told, [
    { address: FIRST },
    { address: SECOND },
    { reason: "no lease is there" },
  ]);
});

Deno.test("UpstreamWatch.failed() looks at once and answers even without news", async () => {
  await using world = new World(3_600_000);
  await world.until(() => world.told.length === 1);
  world.watch.failed(FIRST);
  await world.until(() => world.told.length === 2);
  assertEquals(world.told, [{ address: FIRST }, { address: FIRST }]);
  assertEquals(world.failures, [FIRST]);
  world.where = SECOND;
  world.watch.failed(FIRST);
  await world.until(() => world.told.length === 3);
  assertEquals(world.told.at(-1), { address: SECOND });
});

Deno.test("UpstreamWatch.failed() piles nothing up while the child does not read", async () => {
  await using world = new World(3_600_000);
  const pipe = Promise.withResolvers<void>();
  world.pipe = pipe.promise;
  await world.until(() => world.told.length === 1);
  for (let i = 0; i < 100; i++) world.watch.failed(FIRST);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals([world.looks, world.told.length], [1, 1]);
  pipe.resolve();
  await world.until(() => world.told.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals([world.looks, world.told.length], [2, 2]);
});

Deno.test("UpstreamWatch.run() ends with the child", async () => {
  const world = new World(3_600_000);
  await world.until(() => world.looks === 1);
  await world[Symbol.asyncDispose]();
  assertEquals(world.looks, 1);
});
