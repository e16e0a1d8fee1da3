import { assertEquals, assertMatch } from "@std/assert";
import { advise } from "../../lib/check/advice.ts";
import type { Diagnosis, Silence } from "../../lib/check/observe.ts";
import type { Findings } from "../../lib/check/probe.ts";
import {
  DOWN,
  EMULATED,
  findings,
  proxy,
  REAL,
  ruleIn,
  seen,
} from "./findings.ts";

const NO_REGION: Diagnosis = { kind: "unmapped", region: "nova" };
const UNMAPPED: Diagnosis = { kind: "unmapped", region: "eu-west-1" };
const NOTHING: Diagnosis = { kind: "nothing" };
const CONTRARY: Diagnosis = { kind: "disagreeing", detail: "region a, zone b" };
const LATE = silent("timeout");
const STRANGER = "uid 1000, python3 (pid 77)";
const FOREIGN =
  '"-j DNAT --to-destination 10.0.0.1:80" stands before the jump in the nat table and ends it';

function silent(silence: Silence): Diagnosis {
  return { kind: "silent", silence, reason: "EPERM" };
}

function failing(
  status: number,
  source: NonNullable<Diagnosis["source"]> = "token",
): Diagnosis {
  return { kind: "failing", source, status };
}

/** What clients see, how the rule stands, what the proxy shows. */
const TROUBLES: readonly (readonly [
  Diagnosis,
  Parameters<typeof ruleIn>[0],
  Diagnosis | undefined,
  why: RegExp,
  next: RegExp,
])[] = [
  [REAL, "absent", DOWN, /no proxy shows another/, /serve --iptables/],
  [REAL, "absent", EMULATED, /rule is absent/, /iptables install/],
  [REAL, "drift", EMULATED, /guard is missing/, /iptables install/],
  [REAL, "unknown", EMULATED, /only root sees why/, /iptables install/],
  [REAL, "installed", EMULATED, /takes the traffic before/, /before C2S-IMDS/],
  [REAL, "installed", REAL, /proxy .* itself/, /us-east-1=us-iso-east-1/],
  [REAL, "not needed", undefined, /shows the real region us-east-1/, /--url/],
  [
    UNMAPPED,
    "installed",
    UNMAPPED,
    /eu-west-1/,
    /--region eu-west-1=EMULATED$/,
  ],
  [NO_REGION, "installed", NO_REGION, /nova,/, /the --region of serve$/],
  [CONTRARY, "installed", EMULATED, /disagree: region a/, /the same --region/],
  [NOTHING, "absent", DOWN, /knows none of the paths/, /curl -i/],
  [DOWN, "installed", DOWN, /where nothing listens/, /serve.*or.*remove/],
  [DOWN, "installed", EMULATED, /not arrive there/, /INPUT.*-t nat -S OUTPUT/],
  [DOWN, "drift", DOWN, /where nothing listens/, /serve --iptables/],
  [DOWN, "drift", EMULATED, /not as expected/, /iptables install/],
  [DOWN, "absent", DOWN, /firewall or a pod's network/, /hostNetwork/],
  [DOWN, "unknown", DOWN, /nothing listens/, /check as root/],
  [DOWN, "not needed", undefined, /^nothing listens at \S+$/, /correct --url/],
  [LATE, "installed", LATE, /does not answer/, /log of c2s-imds serve/],
  [LATE, "drift", LATE, /guard is missing/, /iptables install/],
  [LATE, "absent", DOWN, /packets are dropped/, /OUTPUT/],
  [LATE, "unknown", DOWN, /packets are dropped/, /check as root/],
  [LATE, "not needed", undefined, /EPERM/, /log of/],
  [
    silent("no route"),
    "installed",
    DOWN,
    /no route/,
    /ip route get 169\S+254$/,
  ],
  [silent("unknown name"), "not needed", undefined, /the name/, /--url/],
  [silent("other"), "absent", DOWN, /EPERM/, /iptables status/],
  [failing(508), "installed", DOWN, /exempts another/, /same --user/],
  [failing(502), "installed", DOWN, /502: it does not reach/, /log of/],
  [failing(504), "installed", DOWN, /504: it does not reach/, /log of/],
  [failing(503), "installed", EMULATED, /503/, /ask again/],
  [failing(400), "absent", DOWN, /token is 400/, /log of/],
  [failing(200), "absent", DOWN, /cannot be read/, /curl -i/],
  [failing(401, "region"), "absent", DOWN, /region is 401/, /metadata options/],
];

function assertNo(found: Findings, why: RegExp, next: RegExp): void {
  const advice = advise(found);
  assertEquals(advice.answer, "no");
  assertMatch(advice.why, why);
  assertMatch(advice.next ?? "", next);
}

Deno.test("advise() names the fault and what to do", async (t) => {
  for (const [diagnosis, rule, shown, why, next] of TROUBLES) {
    const name = `${why}, rule ${rule}, proxy ${shown?.kind}`;
    await t.step(name, () => {
      const found = findings({ rule: ruleIn(rule), seen: seen(diagnosis) });
      const asked = shown === undefined ? {} : { proxy: proxy(shown) };
      assertNo({ ...found, ...asked }, why, next);
    });
  }
});

Deno.test("advise() names the rule that redirects the proxy's own requests", () => {
  const rule = {
    ...ruleIn("installed"),
    diversions: [{ why: "It is diverted", next: "run iptables" }],
  };
  for (const diagnosis of [failing(508), failing(502), LATE, DOWN]) {
    assertNo(
      findings({ rule, seen: seen(diagnosis), proxy: proxy(EMULATED) }),
      /^It is diverted$/,
      /^run iptables$/,
    );
  }
  assertEquals(advise(findings({ rule })).answer, "yes");
});

Deno.test("advise() says yes when clients see the emulated region, whatever the rule", () => {
  for (
    const rule of ["installed", "absent", "unknown", "not needed"] as const
  ) {
    assertEquals(advise(findings({ rule: ruleIn(rule) })), {
      answer: "yes",
      why: "clients on this node see us-iso-east-1",
      next: undefined,
    });
  }
  const { answer, next = "" } = advise(findings({ rule: ruleIn("drift") }));
  assertEquals(answer, "yes");
  assertMatch(next, /the guard is missing: see c2s-imds iptables status/);
});

Deno.test("advise() cannot tell when who asks is the proxy's user", () => {
  const { answer, why, next = "" } = advise(findings({ seen: undefined }));
  assertEquals(answer, "cannot tell");
  assertMatch(why, /goes around the rule/);
  assertMatch(next, /podman exec --user 0/);
});

Deno.test("advise() names a rule of others that stands before ours, whatever clients get", () => {
  const rule = ruleIn("drift", ["the guard is missing", FOREIGN]);
  for (const diagnosis of [REAL, DOWN, NOTHING, LATE]) {
    assertNo(
      findings({ rule, seen: seen(diagnosis), proxy: proxy(EMULATED) }),
      /DNAT --to-destination 10\.0\.0\.1:80/,
      /^delete that rule/,
    );
  }
});

Deno.test("advise() says no when clients see the real region over IPv6, yes when they are refused", () => {
  assertNo(
    findings({ ipv6: seen(REAL) }),
    /over IPv6 see us-east-1/,
    /iptables install/,
  );
  const unguarded = ["IPv6 is not guarded: install ip6tables"];
  assertNo(
    findings({ ipv6: seen(REAL), rule: ruleIn("installed", [], unguarded) }),
    /not guarded: install ip6tables$/,
    /^fix that, then run c2s-imds iptables install/,
  );
  for (const diagnosis of [EMULATED, DOWN, silent("no route"), NOTHING]) {
    assertEquals(advise(findings({ ipv6: seen(diagnosis) })).answer, "yes");
  }
});

Deno.test("advise() has what runs the service start it, and names who has the port", () => {
  for (
    const [manager, start] of [
      ["none", /run c2s-imds serve --iptables as root/],
      ["systemd", /run systemctl restart c2s-imds as root/],
      [
        "container",
        /run oc debug node\/NODE -- chroot \/host systemctl restart/,
      ],
      ["pod", /delete this node's c2s-imds pod/],
    ] as const
  ) {
    const real = { manager, seen: seen(REAL) };
    assertNo(findings({ ...real, proxy: proxy(DOWN) }), /no proxy/, start);
    for (const diagnosis of [REAL, LATE]) {
      assertNo(
        findings({
          manager,
          seen: seen(diagnosis),
          proxy: proxy(LATE, STRANGER),
        }),
        /uid 1000, python3 \(pid 77\) listens on 127\.0\.0\.1:4000$/,
        start,
      );
    }
    if (manager === "none") continue;
    const unruled = { ...real, rule: ruleIn("absent"), proxy: proxy(EMULATED) };
    assertNo(findings(unruled), /rule is absent/, start);
  }
});
