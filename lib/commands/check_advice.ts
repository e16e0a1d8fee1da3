/**
 * From what was found out to what it means and what to do, one line each.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { Observation, PromiseSight } from "../metadata/observation.ts";
import type { Sighting } from "../metadata/sighting.ts";
import type { Findings } from "./check_findings.ts";
import type { RuleReading } from "./check_rule.ts";
import {
  INSTALL,
  LOG,
  type Reason,
  reasonOfSilence,
  SERVE,
  STATUS,
} from "./check_silence.ts";

/** What it comes to. */
export interface Advice extends Reason {
  /** Whether a client on this node sees the emulated region. */
  readonly answer: "yes" | "no" | "cannot tell";
}

type Kind<Name extends Sighting["kind"]> = Extract<Sighting, { kind: Name }>;

/**
 * Judges what was found out.
 *
 * @param findings all of it
 */
export function advise(findings: Findings): Advice {
  const { seen, uid, rule } = findings;
  if (seen === undefined) {
    return {
      answer: "cannot tell",
      why:
        `this process is of uid ${uid}, the proxy's own, whose traffic goes around the rule`,
      next:
        "run it as root or as any other user, in a container with podman exec --user 0",
    };
  }
  const { sighting, observation } = seen;
  if (sighting.kind === "emulated") {
    const broken = brokenPromise(observation);
    if (broken !== undefined) {
      return { answer: "no", ...reasonOfBroken(broken) };
    }
    return {
      answer: "yes",
      why: `clients on this node see ${sighting.region}`,
      next: rule.state === "drift"
        ? `${ruleInShort(rule)}: ${STATUS}`
        : undefined,
    };
  }
  return { answer: "no", ...reasonOf(sighting, findings) };
}

/**
 * The first thing that does not show as the identity promises it.
 *
 * @param observation what was seen
 */
export function brokenPromise(
  { promises = [] }: Observation,
): PromiseSight | undefined {
  return promises.find(({ kept }) => !kept);
}

function reasonOfBroken(
  { what, expected, found, outcome }: PromiseSight,
): Reason {
  const shows = found ??
    ("silence" in outcome ? outcome.silence : `status ${outcome.status}`);
  return {
    why: `${what} shows ${shows}, not ${expected}`,
    next: "give serve and check the same --profile and --config",
  };
}

function reasonOf(
  sighting: Exclude<Sighting, Kind<"emulated">>,
  findings: Findings,
): Reason {
  switch (sighting.kind) {
    case "real":
      return real(sighting, findings);
    case "unmapped":
      return {
        why:
          `clients see ${sighting.region}, which no --region of this check names`,
        next:
          `give check the --region of serve, or both ${sighting.region}=EMULATED`,
      };
    case "disagreeing":
      return {
        why: `the answers disagree: ${sighting.detail}`,
        next: `give serve and check the same --region, and ${LOG}`,
      };
    case "silent":
      return reasonOfSilence(sighting, findings);
    case "failing":
      return failing(sighting, findings);
    case "nothing":
      return {
        why: `what answers at ${findings.url} knows none of the paths`,
        next: `look at it with curl -i ${findings.url}/latest/`,
      };
  }
}

/** Clients see the real region: why does the proxy not stand between? */
function real({ region }: Kind<"real">, findings: Findings): Reason {
  const { rule, proxy, regions } = findings;
  if (rule.state === "not needed" || proxy === undefined) {
    return {
      why: `${findings.url} shows the real region ${region}`,
      next:
        "ask the address of a c2s-imds, or leave --url out to ask as clients do",
    };
  }
  if (proxy.sighting.kind === "real") {
    return {
      why: `the proxy on ${proxy.address} itself shows the real region`,
      next: `start c2s-imds serve with --region ${region}=${
        regions.get(region)
      }`,
    };
  }
  if (proxy.sighting.kind !== "emulated") {
    return {
      why:
        `clients see the real region ${region}, and no proxy shows another on ${proxy.address}`,
      next: SERVE,
    };
  }
  return rule.state === "installed"
    ? {
      why: "the rule is there, but another one takes the traffic before it",
      next:
        "see what stands before C2S-IMDS in iptables -t nat -S OUTPUT, or in nft list ruleset",
    }
    : {
      why:
        `the proxy on ${proxy.address} shows ${proxy.sighting.region}, but clients are not led there: ${
          ruleInShort(rule)
        }`,
      next: INSTALL,
    };
}

/** An error came as the answer: whose is it? */
function failing(
  { source, status }: Kind<"failing">,
  { url }: Findings,
): Reason {
  switch (status) {
    case STATUS_CODE.LoopDetected:
      return {
        why:
          "the proxy's own requests come back to it: the rule exempts another user",
        next: "give c2s-imds iptables install and serve the same --user",
      };
    case STATUS_CODE.BadGateway:
    case STATUS_CODE.GatewayTimeout:
      return {
        why:
          `a proxy answers ${status}: it does not reach the metadata service behind it`,
        next: LOG,
      };
    case STATUS_CODE.ServiceUnavailable:
      return {
        why:
          `a proxy or the service answers ${status}: too much to do, or stopping`,
        next: `ask again, and ${LOG}`,
      };
    case STATUS_CODE.OK:
      return {
        why: `the answer for ${source} cannot be read`,
        next: `look at it with curl -i ${url}/latest/`,
      };
    default:
      return {
        why: `the answer for ${source} is ${status}`,
        next: source === "token"
          ? LOG
          : "see the instance's metadata options (tokens, access)",
      };
  }
}

/** The rule in a few words that continue a sentence. */
function ruleInShort(rule: RuleReading): string {
  switch (rule.state) {
    case "drift":
      return "the rule is not as expected";
    case "blocked":
      return "the rule points to a closed port";
    case "unknown":
      return "only root sees why";
    default:
      return `the rule is ${rule.state}`;
  }
}
