/**
 * What `check` found out, for people and for programs.
 *
 * @module
 */
import { oneLine } from "../cli/message.ts";
import type { Advice } from "./advice.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { RuleFacts } from "./node_facts.ts";
import type { Observation, Outcome, Shown, Sight } from "./observe.ts";
import type { Findings, Seen } from "./probe.ts";

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
  const { url, uid, seen, ipv6, rule, proxy } = findings;
  const next = advice.next === undefined ? "" : `; ${advice.next}`;
  const lines: Line[] = [
    ["service", url],
    ["asked as", `uid ${uid}`],
    ...seen === undefined ? [] : observationLines(seen.observation),
    ...seen === undefined
      ? []
      : [["shows", diagnosisText(seen.diagnosis, findings)] as const],
    ...ipv6 === undefined ? [] : [["IPv6", ipv6Text(ipv6, findings)] as const],
    ["rule", ruleText(rule)],
    ...proxy === undefined ? [] : [
      [
        "proxy",
        `${proxy.address} shows ${diagnosisText(proxy.diagnosis, findings)}`,
      ] as const,
    ],
    ...warnings(findings).map((text) => ["warning", text] as const),
    ...rule.state === "not needed" ? [] : [["note", PODS] as const],
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
  const { seen, ipv6, proxy, regions, ...others } = findings;
  return `${
    JSON.stringify({
      ...advice,
      ...others,
      regions: Object.fromEntries(regions),
      reachable: seen === undefined ? undefined : isReachable(seen.observation),
      ...seen?.observation,
      sighting: seen?.diagnosis,
      ipv6: ipv6?.diagnosis,
      proxy: proxy &&
        {
          address: proxy.address,
          sighting: proxy.diagnosis,
          stranger: proxy.stranger,
        },
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
  { kept, found, expected, outcome }: Shown,
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

/** Where nothing listens on [::1], the guard refuses, and that is right. */
function ipv6Text({ diagnosis }: Seen, findings: Findings): string {
  const isRefused = diagnosis.kind === "silent" &&
    diagnosis.silence === "refused";
  return `${diagnosisText(diagnosis, findings)}${
    isRefused && findings.rule.state === "installed" ? " by the guard" : ""
  }`;
}

function diagnosisText(diagnosis: Diagnosis, { regions }: Findings): string {
  switch (diagnosis.kind) {
    case "emulated":
      return `emulated region ${diagnosis.region}`;
    case "real":
      return `real region ${diagnosis.region}, not ${
        regions.get(diagnosis.region)
      }`;
    case "unmapped":
      return `unknown region ${diagnosis.region}`;
    case "disagreeing":
      return "different regions";
    case "silent":
      return `nothing, ${diagnosis.silence}`;
    case "failing":
      return `an answer that is no use, ${diagnosis.status} for ${diagnosis.source}`;
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
  return [
    ..."unguarded" in rule ? rule.unguarded : [],
    ...seen?.observation.version === "v2" && !seen.observation.ttlTold
      ? [
        "the token comes without its TTL: SDKs for Go, Java and Rust refuse it",
      ]
      : [],
    ...exempt.map((process) =>
      `${process} runs as the proxy's user and goes around the rule`
    ),
  ];
}
