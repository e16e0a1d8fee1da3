import { assertEquals } from "@std/assert";
import { Uncovered } from "../../lib/rewrite/unmapped_region.ts";
import { DEFAULT_REGIONS, NO_REGIONS } from "../proxy/under_test.ts";

const ZONE = "/latest/meta-data/placement/availability-zone";

function watch() {
  const warned: string[] = [];
  const clock = { now: 0 };
  const uncovered = new Uncovered(
    DEFAULT_REGIONS,
    (region) => warned.push(region),
    () => clock.now,
  );
  const look = (text: string, target = ZONE) =>
    uncovered.look(target, new TextEncoder().encode(text));
  return { uncovered, warned, clock, look };
}

Deno.test("Uncovered.look() warns of a region once, of covered ones never", () => {
  const { warned, clock, look } = watch();
  for (const text of ["us-east-1a us-iso-east-1", "eu-west-1b", "eu-west-1"]) {
    look(text);
    clock.now += 1_000;
  }
  assertEquals(warned, ["eu-west-1"]);
});

Deno.test("Uncovered.look() looks at a target once a second", () => {
  const { warned, clock, look } = watch();
  look("us-east-1a");
  clock.now = 999;
  look("eu-west-1a");
  look("eu-west-2a", "/latest/meta-data/placement/region");
  assertEquals(warned, ["eu-west-2"]);
  clock.now = 1_000;
  look("eu-west-1a");
  assertEquals(warned, ["eu-west-2", "eu-west-1"]);
});

Deno.test("Uncovered.look() forgets its targets when there are too many", () => {
  const { warned, look } = watch();
  for (let i = 0; i < 513; i++) look("us-east-1a", `${ZONE}?${i}`);
  look("eu-west-1a", `${ZONE}?0`);
  assertEquals(warned, ["eu-west-1"]);
});

Deno.test("Uncovered.watches() leaves long targets alone, and all where no region is emulated", () => {
  const { uncovered } = watch();
  assertEquals(uncovered.watches(ZONE), true);
  assertEquals(uncovered.watches("/latest/user-data"), false);
  assertEquals(uncovered.watches(`${ZONE}?${"x".repeat(256)}`), false);
  assertEquals(new Uncovered(NO_REGIONS, () => {}).watches(ZONE), false);
});
