import { assertEquals, assertStringIncludes } from "@std/assert";
import { advise } from "../../lib/commands/check_advice.ts";
import type { Findings } from "../../lib/commands/check_findings.ts";
import {
  renderReport,
  renderReportJson,
} from "../../lib/commands/check_report.ts";

const GOOD: Findings = {
  url: "http://169.254.169.254",
  uid: 0,
  regions: new Map([["us-east-1", "us-iso-east-1"]]),
  rule: {
    state: "installed",
    backend: "nft",
    differences: [],
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
    sighting: { kind: "emulated", region: "us-iso-east-1" },
  },
  proxy: undefined,
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
    sighting: { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
  },
  proxy: {
    address: "127.0.0.1:4000",
    sighting: { kind: "silent", silence: "refused", reason: "ECONNREFUSED" },
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
rule:      installed, nft backend
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
verdict:   no: nothing listens at http://169.254.169.254, or a firewall or a pod's network rejects it; run c2s-imds check as root to see the rule too
`,
  );
});

Deno.test("renderReport() warns of what SDKs refuse", () => {
  const report = renderReport({
    ...GOOD,
    rule: {
      state: "installed",
      backend: "legacy",
      differences: [],
    },
    seen: GOOD.seen && {
      ...GOOD.seen,
      observation: { ...GOOD.seen.observation, ttlTold: false },
    },
  }, advise(GOOD));
  assertStringIncludes(report, "warning:   the token comes without its TTL");
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
      sighting: { kind: "nothing" },
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
      differences: [],
    },
    reachable: true,
    ...GOOD.seen?.observation,
    sighting: { kind: "emulated", region: "us-iso-east-1" },
    warnings: [],
  });
  const bad = JSON.parse(renderReportJson(BAD, advise(BAD)));
  assertEquals(
    [bad.answer, bad.reachable, bad.proxy.address],
    ["no", false, "127.0.0.1:4000"],
  );
});
