/**
 * From what was found out to what it means and what to do, one line each.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { isRealRegion } from "../config/regions.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { Manager } from "./node_facts.ts";
import type { Shown } from "./observe.ts";
import { type Findings, firstUnmet, showsOther } from "./probe.ts";

/** What is behind something, and what to do. */
export interface Reason {
  /** Why, in one line. */
  readonly why: string;
  /** What to do now, in one line; nothing where all is well. */
  readonly next: string | undefined;
}

/** What it comes to. */
export interface Advice extends Reason {
  /** Whether a client on this node sees the emulated region. */
  readonly answer: "yes" | "no" | "cannot tell";
}

type Kind<Name extends Diagnosis["kind"]> = Extract<Diagnosis, { kind: Name }>;

/**
 * Starts proxy and rule together. Where something starts the service already,
 * a second one by hand would only be in its way.
 */
const START: Readonly<Record<Manager, string>> = {
  none: "run c2s-imds serve --iptables as root",
  systemd: "run systemctl restart c2s-imds as root",
  container:
    "run oc debug node/NODE -- chroot /host systemctl restart c2s-imds",
  pod: "delete this node's c2s-imds pod, its DaemonSet makes another",
};

/** Shows the rule. */
const STATUS = "see c2s-imds iptables status";

/** Shows what the proxy went through. */
const LOG = "see the log of c2s-imds serve";

/** Puts the rule in place, for a proxy that runs. */
function install(manager: Manager = "none"): string {
  return manager === "none"
    ? "run c2s-imds iptables install as root"
    : START[manager];
}

/**
 * Judges what was found out.
 *
 * @param findings all of it
 */
export function advise(findings: Findings): Advice {
  const { seen, ipv6, uid, rule } = findings;
  if (seen === undefined) {
    return {
      answer: "cannot tell",
      why:
        `this process is of uid ${uid}, the proxy's own, whose traffic goes around the rule`,
      next:
        "run it as root or as any other user, in a container with podman exec --user 0",
    };
  }
  const { diagnosis, observation } = seen;
  if (diagnosis.kind !== "emulated") {
    return { answer: "no", ...reasonOf(diagnosis, findings) };
  }
  const unmet = firstUnmet(observation);
  if (unmet !== undefined) return { answer: "no", ...reasonOfUnmet(unmet) };
  if (ipv6 !== undefined && showsOther(ipv6)) {
    return { answer: "no", ...overIPv6(ipv6.diagnosis, findings) };
  }
  return {
    answer: "yes",
    why: `clients on this node see ${diagnosis.region}`,
    next: rule.state === "drift"
      ? `${ruleInShort(findings)}: ${STATUS}`
      : undefined,
  };
}

function reasonOfUnmet({ what, expected, found, outcome }: Shown): Reason {
  const shows = found ??
    ("silence" in outcome ? outcome.silence : `status ${outcome.status}`);
  return {
    why: `${what} shows ${shows}, not ${expected}`,
    next: "give serve and check the same --profile and --config",
  };
}

function overIPv6(diagnosis: Diagnosis, findings: Findings): Reason {
  const shows = "region" in diagnosis
    ? `see ${diagnosis.region}`
    : "get answers that disagree";
  return {
    why:
      `clients that ask over IPv6 ${shows}: the rule does not cover its address`,
    next: install(findings.manager),
  };
}

function reasonOf(
  diagnosis: Exclude<Diagnosis, Kind<"emulated">>,
  findings: Findings,
): Reason {
  const { rule } = findings;
  const foreign = rule.state === "drift"
    ? rule.differences.find((text) => text.includes(" stands before "))
    : undefined;
  if (foreign !== undefined) {
    return {
      why: `a rule of others takes the traffic: ${foreign}`,
      next: "delete that rule, or have it come after C2S-IMDS",
    };
  }
  switch (diagnosis.kind) {
    case "real":
      return reasonOfReal(diagnosis, findings);
    case "unmapped":
      return {
        why:
          `clients see ${diagnosis.region}, which no --region of this check names`,
        next: isRealRegion(diagnosis.region)
          ? `give check the --region of serve, or both --region ${diagnosis.region}=EMULATED`
          : "give check the --region of serve",
      };
    case "disagreeing":
      return {
        why: `the answers disagree: ${diagnosis.detail}`,
        next: `give serve and check the same --region, and ${LOG}`,
      };
    case "silent":
      return reasonOfSilence(diagnosis, findings);
    case "failing":
      return reasonOfFailure(diagnosis, findings);
    case "nothing":
      return {
        why: `what answers at ${findings.url} knows none of the paths`,
        next: `look at it with curl -i ${findings.url}/latest/`,
      };
  }
}

/** Clients see the real region: why does the proxy not stand between? */
function reasonOfReal({ region }: Kind<"real">, findings: Findings): Reason {
  const { rule, proxy, regions, manager = "none" } = findings;
  if (rule.state === "not needed" || proxy === undefined) {
    return {
      why: `${findings.url} shows the real region ${region}`,
      next:
        "ask the address of a c2s-imds, or leave --url out to ask as clients do",
    };
  }
  if (proxy.diagnosis.kind === "real") {
    return {
      why: `the proxy on ${proxy.address} itself shows the real region`,
      next: `start c2s-imds serve with --region ${region}=${
        regions.get(region)
      }`,
    };
  }
  if (proxy.diagnosis.kind !== "emulated") {
    return proxy.stranger === undefined
      ? {
        why:
          `clients see the real region ${region}, and no proxy shows another on ${proxy.address}`,
        next: START[manager],
      }
      : reasonOfStranger(`clients see the real region ${region}`, findings);
  }
  return rule.state === "installed"
    ? {
      why: "the rule is there, but another one takes the traffic before it",
      next:
        "see what stands before C2S-IMDS in iptables -t nat -S OUTPUT, or in nft list ruleset",
    }
    : {
      why:
        `the proxy on ${proxy.address} shows ${proxy.diagnosis.region}, but clients are not redirected to it: ${
          ruleInShort(findings)
        }`,
      next: install(manager),
    };
}

/** Somebody else has the proxy's port. */
function reasonOfStranger(
  effect: string,
  { proxy, manager = "none" }: Findings,
): Reason {
  return {
    why: `${effect}, and ${proxy?.stranger} listens on ${proxy?.address}`,
    next: `stop that program, then ${START[manager]}`,
  };
}

/** No answer at all: on which side of the rule does it get lost? */
function reasonOfSilence(
  { silence, reason }: Kind<"silent">,
  findings: Findings,
): Reason {
  const { url, rule, proxy, manager = "none" } = findings;
  if (silence === "no route") {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
    return {
      why: `this node has no route to ${url}`,
      next: `add one, the rule needs it too: see ip route get ${host}`,
    };
  }
  if (silence === "unknown name") {
    return { why: `nobody knows the name in ${url}`, next: "correct --url" };
  }
  const isRuled = rule.state === "installed" || rule.state === "drift";
  if (isRuled && proxy !== undefined) {
    if (proxy.stranger !== undefined) {
      return reasonOfStranger(
        "the guard lets nobody but the proxy answer",
        findings,
      );
    }
    const { kind } = proxy.diagnosis;
    if (kind === "silent" && proxy.diagnosis.silence === "refused") {
      return {
        why: `the rule redirects to ${proxy.address}, where nothing listens`,
        next: `${
          START[manager]
        }, or remove the rule with c2s-imds iptables remove`,
      };
    }
    if (rule.state === "drift") {
      return { why: ruleInShort(findings), next: install(manager) };
    }
    return kind === "silent"
      ? {
        why:
          `the rule redirects to ${proxy.address}, where a proxy does not answer`,
        next: LOG,
      }
      : {
        why:
          `the proxy answers on ${proxy.address}, but what clients send does not arrive there`,
        next:
          "let INPUT accept what comes in on lo (iptables -S INPUT), and see what stands before C2S-IMDS in iptables -t nat -S OUTPUT",
      };
  }
  return reasonWithoutRule({ silence, reason }, findings);
}

function reasonWithoutRule(
  { silence, reason }: Pick<Kind<"silent">, "silence" | "reason">,
  { url, rule }: Findings,
): Reason {
  const isFar = rule.state !== "not needed";
  const unseen = rule.state === "unknown"
    ? "run c2s-imds check as root to see the rule too"
    : undefined;
  switch (silence) {
    case "refused":
      return {
        why: isFar
          ? `nothing listens at ${url}, or a firewall or a pod's network rejects it`
          : `nothing listens at ${url}`,
        next: unseen ??
          (isFar
            ? "ask on the node itself or with hostNetwork: true"
            : "start c2s-imds there, or correct --url"),
      };
    case "timeout":
      return {
        why: isFar
          ? "packets are dropped: by a firewall, or the instance's metadata service is off"
          : `what listens at ${url} does not answer`,
        next: unseen ??
          (isFar
            ? "see iptables -S OUTPUT and the instance's metadata options"
            : LOG),
      };
    default:
      return { why: reason, next: isFar ? STATUS : LOG };
  }
}

/** An error came as the answer: whose is it? */
function reasonOfFailure(
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
function ruleInShort({ rule }: Findings): string {
  switch (rule.state) {
    case "drift":
      return `the rule is not as expected, ${rule.differences[0]}`;
    case "unknown":
      return "only root sees why";
    default:
      return `the rule is ${rule.state}`;
  }
}
