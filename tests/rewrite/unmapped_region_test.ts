import { assertEquals } from "@std/assert";
import { UnmappedRegions } from "../../lib/rewrite/unmapped_region.ts";
import { DEFAULT_REGIONS, NO_REGIONS } from "../proxy/under_test.ts";

const ZONE = "/latest/meta-data/placement/availability-zone";

/** Texts that are seen one after the other, and the regions warned of. */
const SEEN: ReadonlyArray<readonly [readonly string[], readonly string[]]> = [
  [["us-east-1a us-iso-east-1"], []],
  [["eu-west-1b", "eu-west-1"], ["eu-west-1"]],
  [['{"region":"us-gov-west-1","zone":"eusc-de-east-1a"}'], [
    "us-gov-west-1",
    "eusc-de-east-1",
  ]],
  // What has another form is no region, wherever the service may say it.
  [['{"region":"us-esat-1","x":"region-2","y":"ami-0-west-1"}'], []],
  [["my-us-east-2", "us-east-2x9", "us-east-222"], ["us-east-2"]],
];

function warnedOf(texts: readonly string[]): string[] {
  const warned: string[] = [];
  const unmapped = new UnmappedRegions(
    DEFAULT_REGIONS,
    (region) => warned.push(region),
  );
  for (const text of texts) unmapped.look(new TextEncoder().encode(text));
  return warned;
}

Deno.test("UnmappedRegions.look() warns once of what has the form of a region and no map", () => {
  for (const [texts, expected] of SEEN) {
    assertEquals(warnedOf(texts), expected, texts.join());
  }
});

Deno.test("UnmappedRegions.look() stops when a service makes regions up", () => {
  const made = Array.from({ length: 90 }, (_, i) => `eu-west-${i + 10}`);
  assertEquals(warnedOf(made), made.slice(0, 16));
});

Deno.test("UnmappedRegions.watches() what names the region, where one is emulated", () => {
  const unmapped = new UnmappedRegions(DEFAULT_REGIONS, () => {});
  assertEquals(unmapped.watches(ZONE), true);
  assertEquals(unmapped.watches("/latest/user-data"), false);
  const none = new UnmappedRegions(NO_REGIONS, () => {});
  assertEquals(none.watches(ZONE), false);
});
