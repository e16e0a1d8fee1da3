/**
 * What `check` found out, for people and for programs.
 *
 * @module
 */
import { oneLine } from "../cli/message.ts";
import type { Advice } from "./advice.ts";
import type { RuleFacts } from "./node_facts.ts";
import type { Diagnosis, Observation, Outcome } from "./observe.ts";
import type { Findings } from "./probe.ts";

type Line = readonly [key: string, value: string];

/** What no rule in OUTPUT can catch. */
const PODS =
  "this holds for the node and pods in its network, not for pods on the pod network";

/**
 * The report for people: one aligned line a fact, the verdict last.
 *
 * @param findings what was found out
 * @param advice what it comes to
 */
export function renderReport(findings: Findings, advice: Advice): string {
  const { url, uid, seen, ipv6, rule, proxy, regions } = findings;
  const next = advice.next === undefined ? "" : `; ${advice.next}`;
  const shows = (diagnosis: Diagnosis) => diagnosisText(diagnosis, regions);
  // Where nothing listens on [::1], the guard refuses, and that is right.
  const isGuarded = ipv6?.diagnosis.silence === "refused" &&
    rule.state === "installed";
  const lines: readonly (Line | undefined)[] = [
    ["service", url],
    ["asked as", `uid ${uid}`],
    ...observationLines(seen?.observation),
    seen && ["shows", shows(seen.diagnosis)],
    ipv6 &&
    ["IPv6", shows(ipv6.diagnosis) + (isGuarded ? " by the guard" : "")],
    ["rule", ruleText(rule)],
    proxy && ["proxy", `${proxy.address} shows ${shows(proxy.diagnosis)}`],
    ...warnings(findings).map((text): Line => ["warning", text]),
    rule.state === "not needed" ? undefined : ["note", PODS],
    ["verdict", `${advice.answer}: ${advice.why}${next}`],
  ];
  const shown = lines.filter((line) => line !== undefined);
  const width = Math.max(...shown.map(([key]) => key.length)) + 2;
  return shown
    .map(([key, value]) => `${`${key}:`.padEnd(width)}${oneLine(value)}\n`)
    .join("");
}

/**
 * The report for programs: one JSON object on one line.
 *
 * @param findings what was found out
 * @param advice what it comes to
 */
export function renderReportJson(findings: Findings, advice: Advice): string {
  const { seen, ipv6, regions, ...others } = findings;
  return `${
    JSON.stringify({
      ...advice,
      ...others,
      regions: Object.fromEntries(regions),
      // Whether anything was answered at all.
      reachable: seen && seen.observation.token.silence === undefined,
      ...seen?.observation,
      diagnosis: seen?.diagnosis,
      ipv6: ipv6?.diagnosis,
      warnings: warnings(findings),
    })
  }\n`;
}

function observationLines(observation: Observation | undefined): Line[] {
  if (observation === undefined) return [];
  const { token, version, readings, expectations } = observation;
  const { silence, reason } = token;
  const reachable = silence === undefined
    ? "yes"
    : `no, ${silence} (${reason})`;
  const how = version === "v2" ? "v2, token" : "v1, no token:";
  return [
    ["reachable", reachable],
    ...version === undefined
      ? []
      : [["version", how + endText(token)] as const],
    ...readings.map(({ source, outcome, place: { region, zone } }): Line => {
      const place = [region, zone].filter(Boolean).join(", ");
      return [source, (place + endText(outcome)).trim()];
    }),
    ...expectations.map(
      ({ what, found = "", met, expected, outcome }): Line => {
        const shown = (found + endText(outcome)).trim();
        return [what, met ? shown : `${shown}, expected ${expected}`];
      },
    ),
  ];
}

/** How long it took, and how it ended where that is not well. */
function endText({ ms, silence, status = 200 }: Outcome): string {
  const end = silence ?? (status === 200 ? "" : String(status));
  return `${end && ` ${end}`} in ${ms.toFixed(1)} ms`;
}

/** What is seen, in a few words. */
export function diagnosisText(
  { kind, region = "", silence, status, source }: Diagnosis,
  regions: Findings["regions"],
): string {
  switch (kind) {
    case "emulated":
      return `emulated region ${region}`;
    case "real":
      return `real region ${region}, not ${regions.get(region)}`;
    case "unmapped":
      return `unknown region ${region}`;
    case "disagreeing":
      return "different regions";
    case "silent":
      return `nothing, ${silence}`;
    case "failing":
      return `an answer that is no use, ${status} for ${source}`;
    case "nothing":
      return "no region";
  }
}

function ruleText(rule: RuleFacts): string {
  switch (rule.state) {
    case "not needed":
      return "not needed to reach this address";
    case "unknown":
      // The message begins with what could not be done: just this.
      return `cannot tell: ${rule.reason.replace(/^Cannot [^:]*: /, "")}`;
    case "drift":
      return `drift, ${rule.differences.join("; ")}`;
    case "absent":
      return `absent, ${rule.backend} backend`;
    case "installed":
      return `installed, ${rule.backend} backend, guard and redirect to 127.0.0.1:${rule.port}`;
  }
}

function warnings({ seen, exempt, rule }: Findings): readonly string[] {
  const isTtlMissing = seen?.observation.version === "v2" &&
    !seen.observation.ttlTold;
  return [
    ..."unguarded" in rule ? rule.unguarded : [],
    ..."diversions" in rule
      ? rule.diversions.map(({ why, next }) => `${why}; ${next}`)
      : [],
    ...isTtlMissing
      ? [
        "the token comes without its TTL: SDKs for Go, Java and Rust refuse it",
      ]
      : [],
    ...exempt.map((process) =>
      `${process} runs as the proxy's user and goes around the rule`
    ),
  ];
}
