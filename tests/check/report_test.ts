import { assertEquals, assertStringIncludes } from "@std/assert";
import { advise } from "../../lib/check/advice.ts";
import type { Findings } from "../../lib/check/probe.ts";
import { renderReport, renderReportJson } from "../../lib/check/report.ts";
import {
  DOWN,
  EMULATED,
  findings,
  OBSERVATION,
  proxy,
  readings,
  REAL,
  ruleIn,
  seen,
} from "./findings.ts";

const GOOD = findings({
  seen: seen(EMULATED, {
    readings: readings(
      "us-iso-east-1 us-iso-east-1a us-iso-east-1/us-iso-east-1a",
    ),
  }),
});

const REFUSED = { silence: "refused", reason: "ECONNREFUSED", ms: 1 } as const;

const BAD = findings({
  uid: 1000,
  rule: { state: "unknown", reason: "Cannot tell whether: no\u001brights" },
  seen: seen(DOWN, { token: REFUSED, version: undefined, ttlTold: false }),
  proxy: proxy(DOWN),
});

function report(found: Findings): string {
  return renderReport(found, advise(found));
}

Deno.test("renderReport() aligns the facts and ends with the verdict", () => {
  assertEquals(
    report(GOOD),
    `service:   http://169.254.169.254
asked as:  uid 0
reachable: yes
version:   v2, token in 2.0 ms
region:    us-iso-east-1 in 1.0 ms
zone:      us-iso-east-1a in 1.0 ms
document:  us-iso-east-1, us-iso-east-1a in 1.0 ms
shows:     emulated region us-iso-east-1
rule:      installed, nft backend, guard and redirect to 127.0.0.1:4000
note:      this holds for the node and pods in its network, not for pods on the pod network
verdict:   yes: clients on this node see us-iso-east-1
`,
  );
});

Deno.test("renderReport() shows what is wrong, and no control characters", () => {
  assertEquals(
    report(BAD),
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

const LINES: readonly (readonly [string, Partial<Findings>])[] = [
  [
    "warning:   the token comes without its TTL: SDKs for Go, Java and Rust refuse it",
    { seen: seen(EMULATED, { ttlTold: false }) },
  ],
  [
    "warning:   curl (pid 13) runs as the proxy's user and goes around the rule",
    { exempt: ["curl (pid 13)"] },
  ],
  [
    "version:   v1, no token: 404 in 2.0 ms\nregion:    404 in 1.0 ms",
    {
      seen: seen({ kind: "nothing" }, {
        token: { status: 404, ms: 2 },
        version: "v1",
        readings: readings("404"),
      }),
    },
  ],
  ["IPv6:      nothing, refused by the guard", { ipv6: seen(DOWN) }],
  [
    "IPv6:      nothing, refused",
    { ipv6: seen(DOWN), rule: ruleIn("unknown") },
  ],
  [
    "IPv6:      real region us-east-1, not us-iso-east-1",
    { ipv6: seen(REAL) },
  ],
];

Deno.test("renderReport() has a line for each thing worth knowing", () => {
  for (const [line, special] of LINES) {
    assertStringIncludes(report({ ...GOOD, ...special }), `\n${line}\n`);
  }
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
    rule: ruleIn("installed"),
    reachable: true,
    ...OBSERVATION,
    ...GOOD.seen?.observation,
    diagnosis: EMULATED,
    exempt: [],
    warnings: [],
  });
  const bad = JSON.parse(renderReportJson(BAD, advise(BAD)));
  assertEquals(
    [bad.answer, bad.reachable, bad.proxy],
    ["no", false, { address: "127.0.0.1:4000", diagnosis: DOWN }],
  );
});
