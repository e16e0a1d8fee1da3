import { assertEquals, assertMatch } from "@std/assert";
import { advise } from "../../lib/commands/check_advice.ts";
import type { Findings } from "../../lib/commands/check_findings.ts";
import type { RuleReading } from "../../lib/commands/check_rule.ts";
import type { Silence } from "../../lib/metadata/observation.ts";
import type { Sighting } from "../../lib/metadata/sighting.ts";

const EMULATED: Sighting = { kind: "emulated", region: "us-iso-east-1" };
const REAL: Sighting = { kind: "real", region: "us-east-1" };
const UNMAPPED: Sighting = { kind: "unmapped", region: "eu-west-1" };
const NOTHING: Sighting = { kind: "nothing" };

function silent(silence: Silence): Sighting {
  return { kind: "silent", silence, reason: "EPERM" };
}

function failing(status: number): Sighting {
  return { kind: "failing", source: "token", status };
}

type RuleState = RuleReading["state"];

function ruleIn(state: RuleState): RuleReading {
  if (state === "not needed") return { state };
  if (state === "unknown") return { state, reason: "Cannot tell: no rights" };
  return { state, backend: "nft", differences: ["x"] };
}

function findings(
  sighting: Sighting | undefined,
  rule: RuleState,
  proxy?: Sighting,
): Findings {
  return {
    url: "http://169.254.169.254",
    uid: 0,
    regions: new Map([["us-east-1", "us-iso-east-1"]]),
    rule: ruleIn(rule),
    seen: sighting === undefined ? undefined : {
      observation: {
        token: { status: 200, ms: 1 },
        version: "v2",
        ttlTold: true,
        sights: [],
      },
      sighting,
    },
    proxy: proxy === undefined
      ? undefined
      : { address: "127.0.0.1:4000", sighting: proxy },
  };
}

const DOWN = silent("refused");

const TROUBLES: readonly (readonly [
  sighting: Sighting,
  rule: RuleState,
  proxy: Sighting | undefined,
  why: RegExp,
  next: RegExp,
])[] = [
  [REAL, "absent", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "drift", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "unknown", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "absent", EMULATED, /rule is absent/, /iptables install/],
  [REAL, "drift", EMULATED, /not as expected/, /iptables install/],
  [REAL, "blocked", EMULATED, /closed port/, /iptables install/],
  [REAL, "unknown", EMULATED, /only root sees why/, /iptables install/],
  [REAL, "installed", EMULATED, /takes the traffic before/, /before C2S-IMDS/],
  [
    REAL,
    "installed",
    REAL,
    /proxy on 127\.0\.0\.1:4000 itself/,
    /--region us-east-1=us-iso-east-1/,
  ],
  [REAL, "not needed", undefined, /shows the real region us-east-1/, /--url/],
  [UNMAPPED, "installed", UNMAPPED, /eu-west-1/, /eu-west-1=EMULATED/],
  [NOTHING, "absent", DOWN, /knows none of the paths/, /curl -i/],
  [
    { kind: "disagreeing", detail: "region a, zone b" },
    "installed",
    EMULATED,
    /disagree: region a, zone b/,
    /the same --region/,
  ],
  [DOWN, "installed", DOWN, /where nothing listens/, /serve.*or.*remove/],
  [
    DOWN,
    "installed",
    EMULATED,
    /what the rule redirects gets lost/,
    /iptables -S INPUT/,
  ],
  [DOWN, "blocked", DOWN, /closed port, because the proxy is down/, /log of/],
  [DOWN, "drift", DOWN, /not as expected/, /serve --iptables/],
  [DOWN, "drift", EMULATED, /not as expected/, /iptables install/],
  [DOWN, "absent", DOWN, /firewall or a pod's network/, /hostNetwork/],
  [DOWN, "unknown", DOWN, /nothing listens/, /check as root/],
  [DOWN, "not needed", undefined, /^nothing listens at \S+$/, /correct --url/],
  [
    silent("timeout"),
    "installed",
    silent("timeout"),
    /does not answer/,
    /log of c2s-imds serve/,
  ],
  [silent("timeout"), "installed", EMULATED, /gets lost/, /INPUT/],
  [silent("timeout"), "absent", DOWN, /packets are dropped/, /OUTPUT/],
  [silent("timeout"), "not needed", undefined, /does not answer/, /log of/],
  [
    silent("no route"),
    "installed",
    DOWN,
    /no route to http:\/\/169\.254\.169\.254/,
    /ip route get 169\.254\.169\.254$/,
  ],
  [silent("unknown name"), "not needed", undefined, /the name/, /--url/],
  [silent("other"), "absent", DOWN, /EPERM/, /iptables status/],
  [failing(508), "installed", failing(508), /exempts another/, /same --user/],
  [failing(502), "installed", failing(502), /502: it does not reach/, /log of/],
  [failing(504), "installed", failing(504), /504: it does not reach/, /log of/],
  [failing(503), "installed", EMULATED, /503/, /ask again/],
  [failing(400), "absent", DOWN, /token is 400/, /log of/],
  [failing(200), "absent", DOWN, /cannot be read/, /curl -i/],
  [
    { kind: "failing", source: "region", status: 401 },
    "absent",
    DOWN,
    /region is 401/,
    /metadata options/,
  ],
];

Deno.test("advise() names the fault and the cure", async (t) => {
  for (const [sighting, rule, proxy, why, next] of TROUBLES) {
    const name = [
      JSON.stringify(sighting),
      rule,
      proxy === undefined ? "" : JSON.stringify(proxy),
    ].join(" ");
    await t.step(name, () => {
      const advice = advise(findings(sighting, rule, proxy));
      assertEquals(advice.answer, "no");
      assertMatch(advice.why, why);
      assertMatch(advice.next ?? "", next);
      assertEquals(`${advice.why}${advice.next}`.includes("\n"), false);
    });
  }
});

Deno.test("advise() says yes when clients see the emulated region, whatever the rule", () => {
  const states: readonly RuleState[] = [
    "installed",
    "absent",
    "unknown",
    "not needed",
  ];
  for (const state of states) {
    assertEquals(advise(findings(EMULATED, state)), {
      answer: "yes",
      why: "clients on this node see us-iso-east-1",
      next: undefined,
    });
  }
  const { answer, next = "" } = advise(findings(EMULATED, "drift"));
  assertEquals(answer, "yes");
  assertMatch(next, /not as expected: see c2s-imds iptables status/);
});

Deno.test("advise() cannot tell when who asks is the proxy's user", () => {
  const { answer, why, next = "" } = advise(findings(undefined, "unknown"));
  assertEquals(answer, "cannot tell");
  assertMatch(why, /goes around the rule/);
  assertMatch(next, /podman exec --user 0/);
});
