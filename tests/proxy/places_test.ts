import { assertEquals } from "@std/assert";
import {
  type Leave,
  MAX_IN_FLIGHT,
  MAX_OF_A_USER,
  places,
  type TakePlace,
  TOO_MANY,
  TOO_MANY_OF_A_USER,
} from "../../lib/proxy/places.ts";
import { stopClock } from "../helpers/clock.ts";
import {
  nameOf,
  type Owners,
  type SocketEnd,
} from "../../lib/system/socket_owners.ts";
import { NO_HTTP2, type Refusal } from "../../lib/proxy/admission.ts";

/** Where a client of a user asks from. */
function end(uid: number, i = 0) {
  return { hostname: `127.1.${i >> 8}.${i & 255}`, port: 10_000 + uid };
}

const CLIENTS = 1_200;

/** Knows every user but 9, and counts the questions. */
function lookAround() {
  const looks = { count: 0 };
  const take = places(() => {
    looks.count++;
    return Promise.resolve(
      new Map(
        [0, 1, 2, 3].flatMap((uid) =>
          Array.from({ length: CLIENTS }, (_, i) => [nameOf(end(uid, i)), uid])
        ),
      ),
    );
  });
  return { looks, take };
}

/** Lets everything happen that needs no time. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Looks that see what they are told to, when they are told to. */
function slowLooks() {
  let see: (owners: Owners) => void = () => {};
  const looks = {
    count: 0,
    take: places(() => {
      looks.count++;
      return new Promise((resolve) => see = resolve);
    }),
    answer: (...ends: readonly SocketEnd[]) =>
      see(new Map(ends.map((it) => [nameOf(it), it.port - 10_000]))),
    async begun(count: number) {
      for (let turns = 0; looks.count < count && turns < 100; turns++) {
        await turn();
      }
      assertEquals(looks.count, count);
    },
  };
  return looks;
}

/** Takes as many places as there are for a user, each on its own connection. */
async function takeAll(
  take: TakePlace,
  uid: number,
): Promise<{ readonly leaves: Leave[]; readonly refused: Set<Refusal> }> {
  const leaves: Leave[] = [];
  const refused = new Set<Refusal>();
  const asked = Array.from({ length: CLIENTS }, (_, i) => end(uid, i));
  for (const taken of await Promise.all(asked.map((it) => take(it)))) {
    if (typeof taken === "function") leaves.push(taken);
    else refused.add(taken);
  }
  return { leaves, refused };
}

Deno.test("places() leaves three quarters to other users, and the last places to root", async () => {
  const { looks, take } = lookAround();
  const first = await takeAll(take, 1);
  assertEquals(first.leaves.length, MAX_OF_A_USER);
  assertEquals([...first.refused], [TOO_MANY_OF_A_USER]);
  // One look for all who came at one time.
  assertEquals(looks.count, 1);
  assertEquals((await takeAll(take, 9)).leaves.length, MAX_OF_A_USER);
  assertEquals((await takeAll(take, 2)).leaves.length, MAX_OF_A_USER);
  const third = await takeAll(take, 3);
  assertEquals(third.leaves.length, MAX_OF_A_USER - 64);
  assertEquals([...third.refused].includes(TOO_MANY), true);
  const root = await takeAll(take, 0);
  assertEquals(root.leaves.length, 64);
  assertEquals([...root.refused], [TOO_MANY]);
  // Whoever gives places back may take as many again.
  for (const leave of first.leaves.slice(0, 10)) leave();
  assertEquals((await takeAll(take, 1)).leaves.length, 0);
  for (const leave of third.leaves) leave();
  assertEquals((await takeAll(take, 1)).leaves.length, 10);
});

Deno.test("places() asks nobody who it is while places are free", () => {
  const { looks, take } = lookAround();
  for (let i = 0; i < MAX_OF_A_USER; i++) {
    assertEquals(typeof take(end(1, i)), "function");
  }
  assertEquals(looks.count, 0);
});

Deno.test("places() knows for two seconds who asks again on a connection", async () => {
  using clock = await stopClock();
  const { looks, take } = lookAround();
  for (let i = 0; i < MAX_OF_A_USER; i++) take(end(1, i));
  const ask = async () => {
    const leave = await take(end(2));
    assertEquals(typeof leave, "function");
    (leave as Leave)();
    return looks.count;
  };
  assertEquals([await ask(), await ask()], [1, 1]);
  clock.advance(2_000);
  assertEquals(await ask(), 2);
});

Deno.test("places() counts whom it has seen while places are free, too", async () => {
  const { take } = lookAround();
  for (const leave of (await takeAll(take, 1)).leaves) leave();
  assertEquals((await takeAll(take, 1)).leaves.length, MAX_OF_A_USER);
});

Deno.test("places() looks anew each second, and makes nobody wait for it who was seen", async () => {
  using clock = await stopClock();
  const slow = slowLooks();
  for (let i = 0; i < MAX_OF_A_USER; i++) slow.take(end(1, i));
  const first = slow.take(end(2));
  await slow.begun(1);
  slow.answer(end(2));
  const leave = await first;
  assertEquals(typeof leave, "function");
  (leave as Leave)();
  clock.advance(1_000);
  assertEquals(typeof await slow.take(end(2)), "function");
  await slow.begun(2);
  clock.advance(1_000);
  let isLet = false;
  const late = Promise.resolve(slow.take(end(2, 1))).then(() => isLet = true);
  await turn();
  assertEquals(isLet, false);
  slow.answer(end(2, 1));
  await late;
});

Deno.test("places() lets in by the look that is under way whom it has seen, and by the next one whom it has not", async () => {
  using clock = await stopClock();
  const slow = slowLooks();
  for (let i = 0; i < MAX_OF_A_USER; i++) slow.take(end(1, i));
  const first = slow.take(end(2));
  await slow.begun(1);
  const [seen, unseen] = [slow.take(end(3)), slow.take(end(3, 1))];
  slow.answer(end(2), end(3));
  assertEquals(typeof await first, "function");
  assertEquals(typeof await seen, "function");
  await turn();
  assertEquals(slow.count, 1);
  clock.advance(200);
  await slow.begun(2);
  slow.answer(end(3, 1));
  assertEquals(typeof await unseen, "function");
});

Deno.test("places() gives every place to anyone where it cannot be known who asks", async () => {
  for (
    const look of [
      undefined,
      () => Promise.resolve(undefined),
      () => Promise.reject(new Error("NotCapable")),
    ]
  ) {
    const take = places(look);
    const { leaves, refused } = await takeAll(take, 1);
    assertEquals(leaves.length, MAX_IN_FLIGHT);
    assertEquals([...refused], [TOO_MANY]);
    for (const leave of leaves) leave();
    assertEquals((await takeAll(take, 2)).leaves.length, MAX_IN_FLIGHT);
  }
});

Deno.test("places() refuses a fifth request at one time on a connection, which only HTTP/2 can send", () => {
  const take = places();
  const taken = [1, 2, 3, 4].map(() => take(end(1)));
  assertEquals(taken.includes(NO_HTTP2), false);
  assertEquals(take(end(1)), NO_HTTP2);
  assertEquals(typeof take(end(1, 1)), "function");
  for (const leave of taken) if (typeof leave === "function") leave();
  assertEquals(typeof take(end(1)), "function");
});
