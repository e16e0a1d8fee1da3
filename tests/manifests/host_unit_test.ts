import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hostUnit } from "../../lib/manifests/host_unit.ts";
import { testWith } from "../helpers/requires.ts";
import {
  exposureOf,
  SYSTEMD_ANALYZE,
  verifyUnits,
} from "../helpers/systemd_analyze.ts";
import { parseUnit, valuesOf } from "../helpers/units.ts";

const NAME = "c2s-imds.service";
const SERVE = ["serve", "--iptables", "--region=a=b"];
const UNIT = hostUnit(SERVE, { onStop: "remove", onCrash: "keep" });

/** The highest exposure it may have, of 10. */
const EXPOSURE = 3;

Deno.test("hostUnit() runs the executable with what the rule needs, no more", () => {
  const settings = parseUnit(UNIT);
  assertEquals(valuesOf(settings, "[Service] ExecStart"), [
    "/usr/local/bin/c2s-imds serve --iptables --region=a=b",
  ]);
  assertEquals(
    valuesOf(settings, "[Service] CapabilityBoundingSet")[0]?.split(" "),
    ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"],
  );
});

Deno.test("hostUnit() leaves to V8 what V8 needs", () => {
  assert(!UNIT.includes("MemoryDenyWriteExecute"));
});

Deno.test("hostUnit() signals the parent only and waits for the drain", () => {
  const settings = parseUnit(UNIT);
  assertEquals(valuesOf(settings, "[Service] KillMode"), ["mixed"]);
  assertEquals(valuesOf(settings, "[Service] TimeoutStopSec"), ["20"]);
});

Deno.test("hostUnit() bounds what clients can take, and lives on at the bound", () => {
  const settings = parseUnit(UNIT);
  for (
    const [key, value] of [
      ["LimitNOFILE", "16384"],
      ["MemoryMax", "512M"],
      ["OOMPolicy", "continue"],
      // At -1000 nobody can be killed at the limit of a cgroup.
      ["OOMScoreAdjust", "-999"],
    ] as const
  ) {
    assertEquals(valuesOf(settings, `[Service] ${key}`), [value]);
  }
});

testWith(SYSTEMD_ANALYZE)(
  "systemd has nothing to say against the unit of a host",
  async () => {
    assertEquals(await verifyUnits({ [NAME]: UNIT }), "");
  },
);

testWith(SYSTEMD_ANALYZE)(
  `systemd finds the unit of a host exposed below ${EXPOSURE}`,
  async () => {
    const exposure = await exposureOf(NAME, UNIT);
    assert(exposure < EXPOSURE, `exposure is ${exposure}`);
    const bare = "[Service]\nExecStart=/bin/true \n";
    assert(await exposureOf(NAME, bare) > EXPOSURE);
  },
);

testWith(SYSTEMD_ANALYZE)(
  "systemd does say something against a unit that is broken",
  async () => {
    const broken = UNIT.replace("KillMode=mixed", "KillMode=never");
    assertStringIncludes(await verifyUnits({ [NAME]: broken }), "never");
  },
);
