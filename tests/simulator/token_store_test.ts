import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseTokenTtl, TokenStore } from "../../lib/simulator/token_store.ts";

/** A store and the clock it follows, in milliseconds. */
function storeWithClock(capacity?: number) {
  const clock = { now: 1_000_000 };
  return { clock, store: new TokenStore(() => clock.now, capacity) };
}

Deno.test("parseTokenTtl() takes 1 to 21600 seconds", () => {
  for (const ttl of [1, 60, 21_600]) {
    assertEquals(parseTokenTtl(String(ttl)), ttl);
  }
});

Deno.test("parseTokenTtl() refuses what is missing, out of range or no number", () => {
  const wrong = [
    undefined,
    "",
    "0",
    "-1",
    "21601",
    "999999999999999999999",
    "1.5",
    "1e3",
    "0x10",
    "+5",
    "60, 60",
    "sixty",
  ];
  for (const text of wrong) assertEquals(parseTokenTtl(text), undefined, text);
});

Deno.test("TokenStore.issue() makes tokens in the form of the service's own", () => {
  const { store } = storeWithClock();
  const tokens = Array.from({ length: 50 }, () => store.issue(60));
  for (const token of tokens) {
    assertMatch(token, /^AQAEA[\w-]{49}==$/);
    assertEquals(token.length, 56);
  }
  assertEquals(new Set(tokens).size, tokens.length);
});

Deno.test("TokenStore.remaining() counts down by the clock and ends at the very second", () => {
  const { clock, store } = storeWithClock();
  const token = store.issue(2);
  assertEquals(store.remaining(token), 2);
  clock.now += 1;
  assertEquals(store.remaining(token), 2);
  clock.now += 1_998;
  assertEquals(store.remaining(token), 1);
  clock.now += 1;
  assertEquals(store.remaining(token), 0);
});

Deno.test("TokenStore.remaining() is 0 when the token is unknown", () => {
  const { store } = storeWithClock();
  assertEquals(store.remaining("AQAEA"), 0);
  assertEquals(store.remaining(""), 0);
});

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
