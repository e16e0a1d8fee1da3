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

Deno.test("hostUnit() runs the executable with what the rule needs, within bounds that it survives, and waits for the drain", () => {
  const settings = parseUnit(UNIT);
  for (
    const [key, value] of [
      ["ExecStart", "/usr/local/bin/c2s-imds serve --iptables --region=a=b"],
      [
        "CapabilityBoundingSet",
        "CAP_NET_ADMIN CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_KILL",
      ],
      ["KillMode", "mixed"],
      ["TimeoutStopSec", "20"],
      ["LimitNOFILE", "16384"],
      ["MemoryMax", "512M"],
      ["OOMPolicy", "continue"],
      // At -1000 nobody can be killed at the limit of a cgroup.
      ["OOMScoreAdjust", "-999"],
    ] as const
  ) assertEquals(valuesOf(settings, `[Service] ${key}`), [value]);
  // V8 compiles so.
  assert(!UNIT.includes("MemoryDenyWriteExecute"));
});

testWith(SYSTEMD_ANALYZE)(
  "systemd has nothing to say against the unit of a host, unless it is broken",
  async () => {
    assertEquals(await verifyUnits({ [NAME]: UNIT }), "");
    const broken = UNIT.replace("KillMode=mixed", "KillMode=never");
    assertStringIncludes(await verifyUnits({ [NAME]: broken }), "never");
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
