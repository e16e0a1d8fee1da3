import { assertEquals } from "@std/assert";
import { unmappedRegions } from "../../lib/rewrite/policy.ts";
import { DEFAULT_REGIONS } from "../proxy/under_test.ts";

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
  const look = unmappedRegions(
    DEFAULT_REGIONS,
    (region) => warned.push(region),
  );
  for (const text of texts) look(new TextEncoder().encode(text));
  return warned;
}

Deno.test("unmappedRegions() warns once of what has the form of a region and no map", () => {
  for (const [texts, expected] of SEEN) {
    assertEquals(warnedOf(texts), expected, texts.join());
  }
});

Deno.test("unmappedRegions() stops when a service makes regions up", () => {
  const made = Array.from({ length: 90 }, (_, i) => `eu-west-${i + 10}`);
  assertEquals(warnedOf(made), made.slice(0, 16));
});
