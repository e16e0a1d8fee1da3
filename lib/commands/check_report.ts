/**
 * What `check` found out, for people and for programs.
 *
 * @module
 */
import { oneLine } from "../config/usage_error.ts";
import type {
  Observation,
  Outcome,
  PromiseSight,
  Sight,
} from "../metadata/observation.ts";
import type { Sighting } from "../metadata/sighting.ts";
import type { Advice } from "./check_advice.ts";
import type { Findings } from "./check_findings.ts";
import type { RuleReading } from "./check_rule.ts";

type Line = readonly [key: string, value: string];

/**
 * The report for people: one aligned line a fact, the verdict last.
 *
 * @param findings what was found out
 * @param advice what it comes to
 */
export function renderReport(findings: Findings, advice: Advice): string {
  const { url, uid, seen, rule, proxy } = findings;
  const next = advice.next === undefined ? "" : `; ${advice.next}`;
  const lines: Line[] = [
    ["service", url],
    ["asked as", `uid ${uid}`],
    ...seen === undefined ? [] : observationLines(seen.observation),
    ...seen === undefined
      ? []
      : [["shows", sightingText(seen.sighting, findings)] as const],
    ["rule", ruleText(rule)],
    ...proxy === undefined ? [] : [
      [
        "proxy",
        `${proxy.address} shows ${sightingText(proxy.sighting, findings)}`,
      ] as const,
    ],
    ...warnings(findings).map((text) => ["warning", text] as const),
    ["verdict", `${advice.answer}: ${advice.why}${next}`],
  ];
  const width = Math.max(...lines.map(([key]) => key.length)) + 2;
  return lines
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
  const { seen, regions, ...others } = findings;
  return `${
    JSON.stringify({
      ...advice,
      ...others,
      regions: Object.fromEntries(regions),
      reachable: seen === undefined ? undefined : isReachable(seen.observation),
      ...seen?.observation,
      sighting: seen?.sighting,
      warnings: warnings(findings),
    })
  }\n`;
}

/** Whether anything was answered at all. */
function isReachable({ token }: Observation): boolean {
  return "status" in token;
}

function observationLines(observation: Observation): Line[] {
  const { token, version, sights, promises = [] } = observation;
  return [
    [
      "reachable",
      "silence" in token ? `no, ${token.silence} (${token.reason})` : "yes",
    ],
    ...version === undefined ? [] : [["version", versionText(observation)]] as [
      Line,
    ],
    ...sights.map((sight): Line => [sight.source, sightText(sight)]),
    ...promises.map((it): Line => [it.what, promiseText(it)]),
  ];
}

function versionText({ token, version }: Observation): string {
  return version === "v2"
    ? `v2, token ${endText(token)}`
    : `v1, no token: ${endText(token)}`;
}

function sightText({ outcome, place }: Sight): string {
  const named = [place.region, place.zone].filter((name) => name !== undefined);
  return named.length === 0
    ? endText(outcome)
    : `${named.join(", ")} ${endText(outcome)}`;
}

function promiseText(
  { kept, found, expected, outcome }: PromiseSight,
): string {
  const text = found === undefined ? "" : `${found} `;
  return `${text}${endText(outcome)}${kept ? "" : `, expected ${expected}`}`;
}

/** How long it took, and how it ended where that is not well. */
function endText(outcome: Outcome): string {
  const time = `in ${outcome.ms.toFixed(1)} ms`;
  if ("silence" in outcome) return `${outcome.silence} ${time}`;
  return outcome.status === 200 ? time : `${outcome.status} ${time}`;
}

function sightingText(sighting: Sighting, { regions }: Findings): string {
  switch (sighting.kind) {
    case "emulated":
      return `emulated region ${sighting.region}`;
    case "real":
      return `real region ${sighting.region}, not ${
        regions.get(sighting.region)
      }`;
    case "unmapped":
      return `unknown region ${sighting.region}`;
    case "disagreeing":
      return "different regions";
    case "silent":
      return `nothing, ${sighting.silence}`;
    case "failing":
      return `an answer that is no use, ${sighting.status} for ${sighting.source}`;
    case "nothing":
      return "no region";
  }
}

function ruleText(rule: RuleReading): string {
  switch (rule.state) {
    case "not needed":
      return "not needed to reach this address";
    case "unknown":
      // The message begins with what could not be done: just this.
      return `cannot tell: ${rule.reason.replace(/^Cannot [^:]*: /, "")}`;
    case "drift":
      return `drift, ${rule.differences.join("; ")}`;
    case "blocked":
      return `points to a closed port, ${rule.backend} backend`;
    default:
      return `${rule.state}, ${rule.backend} backend`;
  }
}

function warnings({ seen, rule }: Findings): readonly string[] {
  // Under another rule than the expected one, the proxy's own count too.
  const direct = rule.state === "installed" ? rule.directClients : 0;
  return [
    ...seen?.observation.version === "v2" && !seen.observation.ttlTold
      ? [
        "the token comes without its TTL: SDKs for Go, Java and Rust refuse it",
      ]
      : [],
    ...direct > 0
      ? [
        `connections that go around the rule: ${direct}, see c2s-imds iptables status`,
      ]
      : [],
  ];
}
