import { assertEquals, assertMatch } from "@std/assert";
import { advise } from "../../lib/check/advice.ts";
import type { Diagnosis } from "../../lib/check/diagnosis.ts";
import type { Manager, RuleFacts } from "../../lib/check/node_facts.ts";
import type { Silence } from "../../lib/check/observe.ts";
import type { Findings } from "../../lib/check/probe.ts";

const EMULATED: Diagnosis = { kind: "emulated", region: "us-iso-east-1" };
const REAL: Diagnosis = { kind: "real", region: "us-east-1" };
const NO_REGION: Diagnosis = { kind: "unmapped", region: "nova" };
const UNMAPPED: Diagnosis = { kind: "unmapped", region: "eu-west-1" };
const NOTHING: Diagnosis = { kind: "nothing" };

function silent(silence: Silence): Diagnosis {
  return { kind: "silent", silence, reason: "EPERM" };
}

function failing(status: number): Diagnosis {
  return { kind: "failing", source: "token", status };
}

type RuleState = RuleFacts["state"];

function ruleIn(state: RuleState): RuleFacts {
  if (state === "not needed") return { state };
  if (state === "unknown") return { state, reason: "Cannot tell: no rights" };
  return {
    state,
    backend: "nft",
    port: 4000,
    differences: ["the guard is missing"],
    unguarded: [],
  };
}

function findings(
  diagnosis: Diagnosis | undefined,
  rule: RuleState,
  proxy?: Diagnosis,
): Findings {
  return {
    url: "http://169.254.169.254",
    uid: 0,
    regions: new Map([["us-east-1", "us-iso-east-1"]]),
    rule: ruleIn(rule),
    seen: diagnosis === undefined ? undefined : {
      observation: {
        token: { status: 200, ms: 1 },
        version: "v2",
        ttlTold: true,
        sights: [],
      },
      diagnosis,
    },
    ...proxy === undefined
      ? {}
      : { proxy: { address: "127.0.0.1:4000", diagnosis: proxy } },
    exempt: [],
  };
}

const DOWN = silent("refused");

const TROUBLES: readonly (readonly [
  diagnosis: Diagnosis,
  rule: RuleState,
  proxy: Diagnosis | undefined,
  why: RegExp,
  next: RegExp,
])[] = [
  [REAL, "absent", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "drift", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "unknown", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "absent", EMULATED, /rule is absent/, /iptables install/],
  [REAL, "drift", EMULATED, /guard is missing/, /iptables install/],
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
  [
    UNMAPPED,
    "installed",
    UNMAPPED,
    /eu-west-1/,
    / --region eu-west-1=EMULATED$/,
  ],
  [NO_REGION, "installed", NO_REGION, /see nova,/, /the --region of serve$/],
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
    /does not arrive there/,
    /iptables -S INPUT.*-t nat -S OUTPUT/,
  ],
  [DOWN, "drift", DOWN, /where nothing listens/, /serve --iptables/],
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
  [silent("timeout"), "drift", DOWN, /nothing listens/, /serve/],
  [
    silent("timeout"),
    "drift",
    silent("timeout"),
    /guard is missing/,
    /iptables install/,
  ],
  [silent("timeout"), "installed", EMULATED, /not arrive/, /INPUT/],
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
  for (const [diagnosis, rule, proxy, why, next] of TROUBLES) {
    const name = [
      JSON.stringify(diagnosis),
      rule,
      proxy === undefined ? "" : JSON.stringify(proxy),
    ].join(" ");
    await t.step(name, () => {
      const advice = advise(findings(diagnosis, rule, proxy));
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
  assertMatch(next, /the guard is missing: see c2s-imds iptables status/);
});

Deno.test("advise() cannot tell when who asks is the proxy's user", () => {
  const { answer, why, next = "" } = advise(findings(undefined, "unknown"));
  assertEquals(answer, "cannot tell");
  assertMatch(why, /goes around the rule/);
  assertMatch(next, /podman exec --user 0/);
});

Deno.test("advise() names a rule of others that stands before ours, whatever clients get", () => {
  const foreign =
    'IPv4 in the nft backend: "-A OUTPUT -p tcp -j DNAT --to-destination 10.0.0.1:80" stands before the jump from OUTPUT in the nat table and ends it';
  for (const diagnosis of [REAL, DOWN, NOTHING, silent("timeout")]) {
    const { answer, why, next = "" } = advise({
      ...findings(diagnosis, "drift", EMULATED),
      rule: {
        state: "drift",
        backend: "nft",
        port: 4000,
        differences: ["the guard is missing", foreign],
        unguarded: [],
      },
    });
    assertEquals(answer, "no");
    assertMatch(why, /DNAT --to-destination 10\.0\.0\.1:80/);
    assertMatch(next, /^delete that rule/);
  }
});

Deno.test("advise() says no when clients see the real region over IPv6", () => {
  const over = (diagnosis: Diagnosis): Findings => {
    const all = findings(EMULATED, "installed");
    const { observation } = all.seen ?? {};
    return observation === undefined
      ? all
      : { ...all, ipv6: { observation, diagnosis } };
  };
  const { answer, why, next = "" } = advise(over(REAL));
  assertEquals(answer, "no");
  assertMatch(why, /over IPv6 see us-east-1/);
  assertMatch(next, /iptables install/);
  for (const diagnosis of [EMULATED, DOWN, silent("no route"), NOTHING]) {
    assertEquals(advise(over(diagnosis)).answer, "yes", diagnosis.kind);
  }
});

const STARTS: readonly (readonly [Manager, RegExp])[] = [
  ["none", /run c2s-imds serve --iptables as root/],
  ["systemd", /run systemctl restart c2s-imds as root/],
  [
    "container",
    /run oc debug node\/NODE -- chroot \/host systemctl restart c2s-imds/,
  ],
  ["pod", /delete this node's c2s-imds pod/],
];

Deno.test("advise() has what runs the service start it, and names who has the port", () => {
  for (const [manager, start] of STARTS) {
    for (const rule of ["absent", "drift", "installed"] as const) {
      const down = findings(REAL, rule, DOWN);
      assertMatch(advise({ ...down, manager }).next ?? "", start);
      const proxy = {
        address: "127.0.0.1:4000",
        diagnosis: silent("timeout"),
        stranger: "uid 1000, python3 (pid 77)",
      };
      for (const diagnosis of [REAL, silent("timeout")]) {
        if (rule === "absent" && diagnosis !== REAL) continue;
        const { why, next = "" } = advise({
          ...findings(diagnosis, rule),
          manager,
          proxy,
        });
        assertMatch(
          why,
          /uid 1000, python3 \(pid 77\) listens on 127\.0\.0\.1:4000$/,
        );
        assertMatch(next, start);
      }
    }
  }
  assertMatch(
    advise({ ...findings(REAL, "absent", EMULATED), manager: "systemd" })
      .next ?? "",
    /systemctl restart/,
  );
});
