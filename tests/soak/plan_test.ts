import { assert, assertEquals } from "@std/assert";
import { createRandom } from "../helpers/random.ts";
import { FAULTS, Plan, roundOf } from "./plan.ts";

/** A plan whose faults take so long each, in milliseconds. */
function planned(seed: number, seconds: number, ms = 1_000) {
  const plan = new Plan(createRandom(seed), seconds);
  const handed: { readonly at: number; readonly name: string }[] = [];
  for (let at = 0;; at += ms) {
    const fault = plan.next(at);
    if (fault === undefined) return handed;
    handed.push({ at, name: fault.name });
  }
}

Deno.test("Plan hands out the same for the same seed", () => {
  assertEquals(planned(5, 100), planned(5, 100));
  assert(
    JSON.stringify(planned(5, 100)) !== JSON.stringify(planned(6, 100)),
  );
});

Deno.test("Plan hands out every quick fault once, however short the time", () => {
  assertEquals(
    planned(5, 0).map(({ name }) => name).sort(),
    FAULTS.filter(({ slow }) => !slow).map(({ name }) => name).sort(),
  );
});

Deno.test("Plan hands out every fault within four rounds of a long time", () => {
  const names = [0, 1, 2, 3]
    .flatMap((round) => roundOf(round, createRandom(5), true))
    .map(({ name }) => name);
  assertEquals(
    [...new Set(names)].sort(),
    FAULTS.map(({ name }) => name).sort(),
  );
});

Deno.test("Plan kills no more children than the parent bears, and none late", () => {
  for (let seed = 0; seed < 50; seed++) {
    const deaths = planned(seed, 600)
      .filter(({ name }) =>
        FAULTS.some((fault) => fault.name === name && fault.deaths)
      )
      .map(({ at }) => at);
    assert(deaths.length > 3, `seed ${seed}`);
    assert(deaths.every((at) => at <= 180_000), `seed ${seed}: ${deaths}`);
    for (const at of deaths) {
      const near = deaths.filter((it) => it <= at && at - it < 60_000);
      assert(near.length <= 3, `seed ${seed}: ${deaths}`);
    }
  }
});

Deno.test("Plan kills children of a minute in its first third alone, and begins nothing slow late", () => {
  for (let seed = 0; seed < 50; seed++) {
    const faults = planned(seed, 60, 3_000).map(({ at, name }) => ({
      at,
      ...FAULTS.find((fault) => fault.name === name),
    }));
    const deaths = faults.filter((fault) => fault.deaths);
    assert(deaths.length >= 2, `seed ${seed}`);
    assert(deaths.every(({ at }) => at <= 20_000), `seed ${seed}`);
    const late = faults.slice(roundOf(0, createRandom(seed), true).length)
      .filter(({ at, slow }) => slow && at > 30_000);
    assertEquals(late, []);
  }
});
