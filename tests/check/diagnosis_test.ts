import { assertEquals } from "@std/assert";
import type {
  Observation,
  Outcome,
  Place,
  Sight,
  Source,
} from "../../lib/check/observe.ts";
import { diagnose, type Diagnosis } from "../../lib/check/diagnosis.ts";

const REGIONS = new Map([
  ["us-east-1", "us-iso-east-1"],
  ["us-west-2", "us-isob-east-1"],
]);

const OK: Outcome = { status: 200, ms: 1 };
const REFUSED: Outcome = { silence: "refused", reason: "ECONNREFUSED", ms: 1 };

function status(status: number): Outcome {
  return { status, ms: 1 };
}

function sight(source: Source, place: Place, outcome = OK): Sight {
  return { source, outcome, place };
}

function seen(
  region: string | undefined,
  zone: string | undefined,
  document: Place | undefined,
): readonly Sight[] {
  const missing = status(404);
  return [
    region === undefined
      ? sight("region", {}, missing)
      : sight("region", { region }),
    zone === undefined ? sight("zone", {}, missing) : sight("zone", { zone }),
    document === undefined
      ? sight("document", {}, missing)
      : sight("document", document),
  ];
}

function observation(
  sights: readonly Sight[],
  special: Partial<Observation> = {},
): Observation {
  return { token: OK, version: "v2", ttlTold: true, sights, ...special };
}

const TABLE: readonly (readonly [string, readonly Sight[], Diagnosis])[] = [
  [
    "all three name an emulated region",
    seen("us-iso-east-1", "us-iso-east-1b", {
      region: "us-iso-east-1",
      zone: "us-iso-east-1b",
    }),
    { kind: "emulated", region: "us-iso-east-1" },
  ],
  [
    "the second map's region is named",
    seen("us-isob-east-1", "us-isob-east-1a", undefined),
    { kind: "emulated", region: "us-isob-east-1" },
  ],
  [
    "all three name a real region",
    seen("us-east-1", "us-east-1a", {
      region: "us-east-1",
      zone: "us-east-1a",
    }),
    { kind: "real", region: "us-east-1" },
  ],
  [
    "the region is in no map",
    seen("eu-west-1", "eu-west-1a", undefined),
    { kind: "unmapped", region: "eu-west-1" },
  ],
  [
    "a longer name begins like a real region",
    seen("us-east-10", "us-east-10a", undefined),
    { kind: "unmapped", region: "us-east-10" },
  ],
  [
    "the zone alone names an emulated region",
    seen(undefined, "us-iso-east-1a", undefined),
    { kind: "emulated", region: "us-iso-east-1" },
  ],
  [
    "the zone is a local one",
    seen("us-east-1", "us-east-1-bos-1a", undefined),
    { kind: "real", region: "us-east-1" },
  ],
  [
    "the zone alone is of no known region",
    seen(undefined, "eu-west-1c", undefined),
    { kind: "unmapped", region: "eu-west-1" },
  ],
  [
    "the zone is a name of its own, as in OpenStack",
    seen(undefined, "nova", undefined),
    { kind: "unmapped", region: "nova" },
  ],
  [
    "the zone is another region's",
    seen("us-iso-east-1", "us-east-1a", undefined),
    {
      kind: "disagreeing",
      detail: "region us-iso-east-1, zone us-east-1a",
    },
  ],
  [
    "the document names another region",
    seen("us-iso-east-1", "us-iso-east-1a", {
      region: "us-east-1",
      zone: "us-iso-east-1a",
    }),
    {
      kind: "disagreeing",
      detail:
        "region us-iso-east-1, zone us-iso-east-1a, document us-east-1 us-iso-east-1a",
    },
  ],
  [
    "the document names another zone of the region",
    seen("us-east-1", "us-east-1a", {
      region: "us-east-1",
      zone: "us-east-1b",
    }),
    {
      kind: "disagreeing",
      detail:
        "region us-east-1, zone us-east-1a, document us-east-1 us-east-1b",
    },
  ],
  [
    "no path is known",
    seen(undefined, undefined, undefined),
    { kind: "nothing" },
  ],
  [
    "an answer cannot be read",
    [sight("region", {}), sight("zone", { zone: "us-iso-east-1a" })],
    { kind: "failing", source: "region", status: 200 },
  ],
  [
    "an answer is an error",
    [
      sight("region", { region: "us-iso-east-1" }),
      sight("zone", {}, status(504)),
    ],
    { kind: "failing", source: "zone", status: 504 },
  ],
  [
    "the last question gets no answer",
    [
      sight("region", { region: "us-iso-east-1" }),
      sight("zone", { zone: "us-iso-east-1a" }),
      sight("document", {}, REFUSED),
    ],
    { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
  ],
];

Deno.test("diagnose() tells which region a client takes it for", async (t) => {
  for (const [when, sights, expected] of TABLE) {
    await t.step(`when ${when}`, () => {
      assertEquals(diagnose(observation(sights), REGIONS), expected);
    });
  }
});

Deno.test("diagnose() tells of the token when that was the end", () => {
  assertEquals(
    diagnose(
      observation([], { token: REFUSED, version: undefined }),
      REGIONS,
    ),
    { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
  );
  assertEquals(
    diagnose(
      observation([], { token: status(508), version: undefined }),
      REGIONS,
    ),
    { kind: "failing", source: "token", status: 508 },
  );
});

Deno.test("diagnose() minds no refused token when the rest is answered", () => {
  const sights = seen("us-iso-east-1", "us-iso-east-1a", undefined);
  assertEquals(
    diagnose(
      observation(sights, { token: status(404), version: "v1" }),
      REGIONS,
    ),
    { kind: "emulated", region: "us-iso-east-1" },
  );
});
