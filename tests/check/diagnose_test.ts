import { assertEquals } from "@std/assert";
import {
  diagnose,
  type Diagnosis,
  type Observation,
  type Outcome,
  type Place,
  type Sight,
  SOURCES,
} from "../../lib/check/observe.ts";
import { DOWN, OBSERVATION } from "./findings.ts";

const REGIONS = new Map([
  ["us-east-1", "us-iso-east-1"],
  ["us-west-2", "us-isob-east-1"],
]);

const REFUSED: Outcome = { silence: "refused", reason: "ECONNREFUSED", ms: 1 };

/** What each of the three answers names; a status where it names nothing. */
type Said = readonly (string | Place | number)[];

function sights(said: Said): readonly Sight[] {
  return said.map((it, i) => {
    const [source] = SOURCES[i] ?? SOURCES[0];
    const place = typeof it === "string" ? { [source]: it } : it;
    return typeof place === "number"
      ? { source, outcome: { status: place, ms: 1 }, place: {} }
      : { source, outcome: { status: 200, ms: 1 }, place };
  });
}

function emulated(region: string): Diagnosis {
  return { kind: "emulated", region };
}

function disagreeing(detail: string): Diagnosis {
  return { kind: "disagreeing", detail };
}

const SAID: readonly (readonly [when: string, Said, Diagnosis])[] = [
  [
    "all three name an emulated region",
    [
      "us-iso-east-1",
      "us-iso-east-1b",
      { region: "us-iso-east-1", zone: "us-iso-east-1b" },
    ],
    emulated("us-iso-east-1"),
  ],
  [
    "the second map's region is named",
    ["us-isob-east-1", "us-isob-east-1a", 404],
    emulated("us-isob-east-1"),
  ],
  [
    "all three name a real region",
    ["us-east-1", "us-east-1a", { region: "us-east-1", zone: "us-east-1a" }],
    { kind: "real", region: "us-east-1" },
  ],
  [
    "a longer name begins like a real region",
    ["us-east-10", "us-east-10a", 404],
    { kind: "unmapped", region: "us-east-10" },
  ],
  [
    "the zone alone names an emulated region",
    [404, "us-iso-east-1a", 404],
    emulated("us-iso-east-1"),
  ],
  [
    "the zone is a local one",
    ["us-east-1", "us-east-1-bos-1a", 404],
    { kind: "real", region: "us-east-1" },
  ],
  [
    "the zone alone is of no known region",
    [404, "eu-west-1c", 404],
    { kind: "unmapped", region: "eu-west-1" },
  ],
  [
    "the zone is a name of its own, as in OpenStack",
    [404, "nova", 404],
    { kind: "unmapped", region: "nova" },
  ],
  [
    "the zone is another region's",
    ["us-iso-east-1", "us-east-1a", 404],
    disagreeing("region us-iso-east-1, zone us-east-1a"),
  ],
  [
    "the document names another region",
    [
      "us-iso-east-1",
      "us-iso-east-1a",
      { region: "us-east-1", zone: "us-iso-east-1a" },
    ],
    disagreeing(
      "region us-iso-east-1, zone us-iso-east-1a, document us-east-1 us-iso-east-1a",
    ),
  ],
  [
    "the document names another zone of the region",
    ["us-east-1", "us-east-1a", { region: "us-east-1", zone: "us-east-1b" }],
    disagreeing(
      "region us-east-1, zone us-east-1a, document us-east-1 us-east-1b",
    ),
  ],
  ["no path is known", [404, 404, 404], { kind: "nothing" }],
  [
    "an answer cannot be read",
    [{}, "us-iso-east-1a"],
    { kind: "failing", source: "region", status: 200 },
  ],
  [
    "an answer is an error",
    ["us-iso-east-1", 504],
    { kind: "failing", source: "zone", status: 504 },
  ],
];

Deno.test("diagnose() tells which region a client takes it for", async (t) => {
  const step = (when: string, seen: Partial<Observation>, told: Diagnosis) =>
    t.step(`when ${when}`, () => {
      assertEquals(diagnose({ ...OBSERVATION, ...seen }, REGIONS), told);
    });
  for (const [when, said, told] of SAID) {
    await step(when, { sights: sights(said) }, told);
  }
  const [region, zone, last] = sights(["us-iso-east-1", "us-iso-east-1a", {}]);
  if (!region || !zone || !last) throw new Error("Three sights are missing");
  await step("the last question gets no answer", {
    sights: [region, zone, { ...last, outcome: REFUSED }],
  }, DOWN);
  await step("the token is refused, as by version 1, and the rest answered", {
    token: { status: 404, ms: 1 },
    version: "v1",
    sights: [region, zone],
  }, emulated("us-iso-east-1"));
  await step("the token gets no answer", {
    token: REFUSED,
    version: undefined,
  }, DOWN);
  await step("the token is an error", {
    token: { status: 508, ms: 1 },
    version: undefined,
  }, { kind: "failing", source: "token", status: 508 });
});
