import { assertEquals, assertStringIncludes } from "@std/assert";
import { advise } from "../../lib/check/advice.ts";
import type { Diagnosis } from "../../lib/check/diagnosis.ts";
import type { Findings } from "../../lib/check/probe.ts";
import { renderReport, renderReportJson } from "../../lib/check/report.ts";

const GOOD: Findings = {
  url: "http://169.254.169.254",
  uid: 0,
  regions: new Map([["us-east-1", "us-iso-east-1"]]),
  rule: {
    state: "installed",
    backend: "nft",
    port: 4000,
    differences: [],
    unguarded: [],
  },
  seen: {
    observation: {
      token: { status: 200, ms: 2.04 },
      version: "v2",
      ttlTold: true,
      sights: [
        {
          source: "region",
          outcome: { status: 200, ms: 1 },
          place: { region: "us-iso-east-1" },
        },
        {
          source: "zone",
          outcome: { status: 200, ms: 0.94 },
          place: { zone: "us-iso-east-1a" },
        },
        {
          source: "document",
          outcome: { status: 200, ms: 12 },
          place: { region: "us-iso-east-1", zone: "us-iso-east-1a" },
        },
      ],
    },
    diagnosis: { kind: "emulated", region: "us-iso-east-1" },
  },
  exempt: [],
};

const BAD: Findings = {
  ...GOOD,
  uid: 1000,
  rule: { state: "unknown", reason: "Cannot tell whether: no\u001brights" },
  seen: {
    observation: {
      token: { silence: "refused", reason: "ECONNREFUSED", ms: 1 },
      version: undefined,
      ttlTold: false,
      sights: [],
    },
    diagnosis: { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
  },
  proxy: {
    address: "127.0.0.1:4000",
    diagnosis: { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
  },
};

Deno.test("renderReport() aligns the facts and ends with the verdict", () => {
  assertEquals(
    renderReport(GOOD, advise(GOOD)),
    `service:   http://169.254.169.254
asked as:  uid 0
reachable: yes
version:   v2, token in 2.0 ms
region:    us-iso-east-1 in 1.0 ms
zone:      us-iso-east-1a in 0.9 ms
document:  us-iso-east-1, us-iso-east-1a in 12.0 ms
shows:     emulated region us-iso-east-1
rule:      installed, nft backend, guard and redirect to 127.0.0.1:4000
note:      this holds for the node and pods in its network, not for pods on the pod network
verdict:   yes: clients on this node see us-iso-east-1
`,
  );
});

Deno.test("renderReport() shows what is wrong, and no control characters", () => {
  assertEquals(
    renderReport(BAD, advise(BAD)),
    `service:   http://169.254.169.254
asked as:  uid 1000
reachable: no, refused (ECONNREFUSED)
shows:     nothing, refused
rule:      cannot tell: no\\u{1b}rights
proxy:     127.0.0.1:4000 shows nothing, refused
note:      this holds for the node and pods in its network, not for pods on the pod network
verdict:   no: nothing listens at http://169.254.169.254, or a firewall or a pod's network rejects it; run c2s-imds check as root to see the rule too
`,
  );
});

Deno.test("renderReport() warns of what SDKs refuse and of processes that bypass the rule", () => {
  const report = renderReport({
    ...GOOD,
    rule: {
      state: "installed",
      backend: "legacy",
      port: 4000,
      differences: [],
      unguarded: [],
    },
    seen: GOOD.seen && {
      ...GOOD.seen,
      observation: { ...GOOD.seen.observation, ttlTold: false },
    },
  }, advise(GOOD));
  assertStringIncludes(report, "warning:   the token comes without its TTL");
  assertStringIncludes(
    renderReport({ ...GOOD, exempt: ["curl (pid 13)"] }, advise(GOOD)),
    "warning:   curl (pid 13) runs as the proxy's user and goes around the rule\n",
  );
});

Deno.test("renderReport() says how version 1 came about and what is missing", () => {
  const report = renderReport({
    ...GOOD,
    seen: {
      observation: {
        token: { status: 404, ms: 1 },
        version: "v1",
        ttlTold: false,
        sights: [
          { source: "region", outcome: { status: 404, ms: 2 }, place: {} },
        ],
      },
      diagnosis: { kind: "nothing" },
    },
  }, advise(GOOD));
  assertStringIncludes(report, "version:   v1, no token: 404 in 1.0 ms\n");
  assertStringIncludes(report, "region:    404 in 2.0 ms\n");
});

Deno.test("renderReportJson() is one object on one line", () => {
  const text = renderReportJson(GOOD, advise(GOOD));
  assertEquals(text.indexOf("\n"), text.length - 1);
  assertEquals(JSON.parse(text), {
    answer: "yes",
    why: "clients on this node see us-iso-east-1",
    url: "http://169.254.169.254",
    uid: 0,
    regions: { "us-east-1": "us-iso-east-1" },
    rule: {
      state: "installed",
      backend: "nft",
      port: 4000,
      differences: [],
      unguarded: [],
    },
    reachable: true,
    ...GOOD.seen?.observation,
    sighting: { kind: "emulated", region: "us-iso-east-1" },
    exempt: [],
    warnings: [],
  });
  const bad = JSON.parse(renderReportJson(BAD, advise(BAD)));
  assertEquals(
    [bad.answer, bad.reachable, bad.proxy.address],
    ["no", false, "127.0.0.1:4000"],
  );
});

Deno.test("renderReport() says what IPv6 shows, and that the guard's refusal is right", () => {
  const over = (diagnosis: Diagnosis, rule = GOOD.rule) =>
    renderReport(
      {
        ...GOOD,
        rule,
        ...GOOD.seen === undefined ? {} : { ipv6: { ...GOOD.seen, diagnosis } },
      },
      advise(GOOD),
    );
  const refused = {
    kind: "silent",
    silence: "refused",
    reason: "ECONNREFUSED",
  } as const;
  assertStringIncludes(
    over(refused),
    "IPv6:      nothing, refused by the guard\n",
  );
  assertStringIncludes(
    over(refused, { state: "unknown", reason: "" }),
    "IPv6:      nothing, refused\n",
  );
  assertStringIncludes(
    over({ kind: "real", region: "us-east-1" }),
    "IPv6:      real region us-east-1, not us-iso-east-1\n",
  );
});
