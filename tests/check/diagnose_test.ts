import { assertEquals } from "@std/assert";
import {
  diagnose,
  type Diagnosis,
  type Observation,
  type Outcome,
  type Place,
  SOURCES,
} from "../../lib/check/observe.ts";
import { DOWN, OBSERVATION } from "./findings.ts";

const REGIONS = new Map([
  ["us-east-1", "us-iso-east-1"],
  ["us-west-2", "us-isob-east-1"],
]);

const REFUSED: Outcome = { silence: "refused", reason: "ECONNREFUSED", ms: 1 };

/**
 * The answers for region, zone and document, the document's as REGION/ZONE; a
 * status where there is no such answer, `?` for one that cannot be read.
 */
function sights(said: string): Observation["sights"] {
  return said.split(" ").map((word, i) => {
    const [source] = SOURCES[i] ?? SOURCES[0];
    const status = Number(word) || 200;
    const [region = "", zone = ""] = word.split("/");
    const place: Place = status !== 200 || word === "?"
      ? {}
      : source === "document"
      ? { region, zone }
      : { [source]: word };
    return { source, outcome: { status, ms: 1 }, place };
  });
}

const SAID: readonly (readonly [
  when: string,
  said: string,
  kind: Diagnosis["kind"],
  told?: Partial<Diagnosis>,
])[] = [
  [
    "all three name an emulated region",
    "us-iso-east-1 us-iso-east-1b us-iso-east-1/us-iso-east-1b",
    "emulated",
    { region: "us-iso-east-1" },
  ],
  [
    "the second map's region is named",
    "us-isob-east-1 us-isob-east-1a 404",
    "emulated",
    { region: "us-isob-east-1" },
  ],
  [
    "all three name a real region",
    "us-east-1 us-east-1a us-east-1/us-east-1a",
    "real",
    { region: "us-east-1" },
  ],
  [
    "a longer name begins like a real region",
    "us-east-10 us-east-10a 404",
    "unmapped",
    { region: "us-east-10" },
  ],
  [
    "the zone alone names an emulated region",
    "404 us-iso-east-1a 404",
    "emulated",
    { region: "us-iso-east-1" },
  ],
  [
    "the zone is a local one",
    "us-east-1 us-east-1-bos-1a 404",
    "real",
    { region: "us-east-1" },
  ],
  [
    "the zone alone is of no known region",
    "404 eu-west-1c 404",
    "unmapped",
    { region: "eu-west-1" },
  ],
  [
    "the zone is a name of its own, as in OpenStack",
    "404 nova 404",
    "unmapped",
    { region: "nova" },
  ],
  [
    "the zone is another region's",
    "us-iso-east-1 us-east-1a 404",
    "disagreeing",
    { detail: "region us-iso-east-1, zone us-east-1a" },
  ],
  [
    "the document names another region",
    "b b us-east-1/b",
    "disagreeing",
    { detail: "region b, zone b, document us-east-1 b" },
  ],
  [
    "the document names another zone of the region",
    "us-east-1 us-east-1a us-east-1/us-east-1b",
    "disagreeing",
    {
      detail:
        "region us-east-1, zone us-east-1a, document us-east-1 us-east-1b",
    },
  ],
  ["no path is known", "404 404 404", "nothing"],
  [
    "an answer cannot be read",
    "? us-iso-east-1a",
    "failing",
    { source: "region", status: 200 },
  ],
  [
    "an answer is an error",
    "us-iso-east-1 504",
    "failing",
    { source: "zone", status: 504 },
  ],
];

Deno.test("diagnose() tells which region a client takes it for", () => {
  const assertTold = (
    when: string,
    seen: Partial<Observation>,
    told: Diagnosis,
  ) => assertEquals(diagnose({ ...OBSERVATION, ...seen }, REGIONS), told, when);
  for (const [when, said, kind, told] of SAID) {
    assertTold(when, { sights: sights(said) }, { kind, ...told });
  }
  const answered = sights("us-iso-east-1 us-iso-east-1a");
  const last = { source: "document", outcome: REFUSED, place: {} } as const;
  const version = undefined;
  assertTold("the last question gets no answer", {
    sights: [...answered, last],
  }, DOWN);
  assertTold("the token gets no answer", { token: REFUSED, version }, DOWN);
  assertTold("the token is an error", {
    token: { status: 508, ms: 1 },
    version,
  }, { kind: "failing", source: "token", status: 508 });
  assertTold("version 1 has no token, and the rest is answered", {
    token: { status: 404, ms: 1 },
    version: "v1",
    sights: answered,
  }, { kind: "emulated", region: "us-iso-east-1" });
});
