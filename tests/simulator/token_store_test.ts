import { assert, assertEquals } from "@std/assert";
import { TokenStore } from "../../lib/simulator/token_store.ts";

/** A store and the clock it follows, in milliseconds. */
function storeWithClock(capacity?: number) {
  const clock = { now: 1_000_000 };
  return { clock, store: new TokenStore(() => clock.now, capacity) };
}

Deno.test("TokenStore.issue() drops expired tokens before any other when full", () => {
  const { clock, store } = storeWithClock(3);
  const long = store.issue(100);
  store.issue(1);
  store.issue(1);
  clock.now += 1_000;
  const next = store.issue(100);
  assertEquals(store.size, 2);
  assertEquals(store.remaining(long), 99);
  assertEquals(store.remaining(next), 100);
});

Deno.test("TokenStore.issue() drops the oldest when full of tokens that hold", () => {
  const { store } = storeWithClock(3);
  const tokens = Array.from({ length: 10 }, () => store.issue(100));
  assertEquals(store.size, 3);
  assertEquals(
    tokens.map((token) => store.remaining(token) > 0),
    tokens.map((_, i) => i >= 7),
  );
});

Deno.test("TokenStore stays bounded when tokens are asked for without end", () => {
  const { store } = storeWithClock();
  for (let i = 0; i < 5_000; i++) store.issue(21_600);
  assert(store.size <= 4_096);
});
