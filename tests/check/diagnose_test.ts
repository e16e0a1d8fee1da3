import { assertEquals } from "@std/assert";
import {
  diagnose,
  type Observation,
  type Outcome,
} from "../../lib/check/observe.ts";
import { OBSERVATION, readings } from "./findings.ts";

const REGIONS = new Map([["real-1", "emu-1"], ["real-2", "emu-2"]]);

const REFUSED: Outcome = { silence: "refused", reason: "ECONNREFUSED", ms: 1 };

function assertTold(seen: Partial<Observation>, told: string): void {
  const { kind, ...others } = diagnose({ ...OBSERVATION, ...seen }, REGIONS);
  assertEquals([kind, ...Object.values(others)].join(" "), told);
}

const SAID: readonly (readonly [what: string, said: string, told: string])[] = [
  ["an emulated region", "emu-1 emu-1b emu-1/emu-1b", "emulated emu-1"],
  ["that of the second map", "emu-2 emu-2a 404", "emulated emu-2"],
  ["a real region", "real-1 real-1a real-1/real-1a", "real real-1"],
  ["one that begins like it", "real-10 real-10a 404", "unmapped real-10"],
  ["an emulated zone alone", "404 emu-1a 404", "emulated emu-1"],
  ["a local zone", "real-1 real-1-bos-1a 404", "real real-1"],
  ["a foreign zone alone", "404 eu-west-1c 404", "unmapped eu-west-1"],
  ["OpenStack's zone", "404 nova 404", "unmapped nova"],
  [
    "another region's zone",
    "emu-1 real-1a 404",
    "disagreeing region emu-1, zone real-1a",
  ],
  [
    "another region in the document",
    "emu-1 emu-1a real-1/emu-1a",
    "disagreeing region emu-1, zone emu-1a, document real-1 emu-1a",
  ],
  [
    "another zone in the document",
    "real-1 real-1a real-1/real-1b",
    "disagreeing region real-1, zone real-1a, document real-1 real-1b",
  ],
  ["no path that is known", "404 404 404", "nothing"],
  ["what cannot be read", "? emu-1a", "failing region 200"],
  ["an error", "emu-1 504", "failing zone 504"],
];

Deno.test("diagnose() tells which region a client takes it for", async (t) => {
  for (const [what, said, told] of SAID) {
    await t.step(
      `of ${what}`,
      () => assertTold({ readings: readings(said) }, told),
    );
  }
});

Deno.test("diagnose() tells of a silence and of a token, unless the rest is answered without", () => {
  const answered = readings("emu-1 emu-1a");
  const last = { source: "document", outcome: REFUSED, place: {} } as const;
  const version = undefined;
  const silent = "silent refused ECONNREFUSED";
  assertTold({ readings: [...answered, last] }, silent);
  assertTold({ token: REFUSED, version }, silent);
  assertTold(
    { token: { status: 508, ms: 1 }, version },
    "failing token 508",
  );
  assertTold(
    { token: { status: 404, ms: 1 }, version: "v1", readings: answered },
    "emulated emu-1",
  );
});
