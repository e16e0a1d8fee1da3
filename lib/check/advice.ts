/**
 * From what was found out to what it means and what to do, one line each.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { isRealRegion } from "../config/regions.ts";
import { isShadowed } from "../rule/diff.ts";
import type { Manager } from "./node_facts.ts";
import { type Findings, type Seen, showsOther } from "./probe.ts";

/** What it comes to. */
export interface Advice {
  /** Whether a client on this node sees the emulated region. */
  readonly answer: "yes" | "no" | "cannot tell";
  /** Why, in one line. */
  readonly why: string;
  /** What to do now, in one line; nothing where all is well. */
  readonly next: string | undefined;
}

/** A reason for a "no": whether it holds, why, and what to do. */
type Reason = readonly [holds: boolean, why: string, next: string];

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
  const reason = reasons(findings, seen).find(([holds]) => holds);
  if (reason !== undefined) {
    return { answer: "no", why: reason[1], next: reason[2] };
  }
  return {
    answer: "yes",
    why: `clients on this node see ${seen.diagnosis.region}`,
    next: rule.state === "drift" ? `${inShort(rule)}: ${STATUS}` : undefined,
  };
}

/** Everything that may be wrong; what holds first is what to tell. */
function reasons(
  { url, rule, regions, ipv6, proxy, manager = "none" }: Findings,
  { diagnosis, observation }: Seen,
): readonly Reason[] {
  const { kind, region = "", silence, source, status } = diagnosis;
  const unmet = observation.expectations.find(({ met }) => !met);
  const end = unmet?.outcome.silence ?? `status ${unmet?.outcome.status}`;
  const foreign = rule.state === "drift"
    ? rule.differences.find(isShadowed)
    : undefined;
  const { address, stranger, diagnosis: shown } = proxy ?? {};
  const overIPv6 = ipv6?.diagnosis.region ?? "answers that disagree";
  // Why this machine cannot guard it: another install would change nothing.
  const unguarded = "unguarded" in rule
    ? rule.unguarded.find((text) => text.startsWith("IPv6"))
    : undefined;
  const [diversion] = "diversions" in rule ? rule.diversions : [];
  const isReal = kind === "real";
  const isNear = rule.state === "not needed";
  const isRuled = kind === "silent" &&
    (rule.state === "installed" || rule.state === "drift");
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const start = START[manager];
  const install = manager === "none"
    ? "run c2s-imds iptables install as root"
    : start;
  // Where a program is missing, no start helps.
  const [, lacking, remedy] = rule.state === "unknown"
    ? /: (\S[^:]* on PATH), (install .*)$/.exec(rule.reason) ?? []
    : [];
  const seeRule = rule.state === "unknown"
    ? "run c2s-imds check as root to see the rule too"
    : undefined;
  return [
    // Clients see the emulated region: does all the rest go with it?
    [
      kind === "emulated" && unmet !== undefined,
      `${unmet?.what} shows ${unmet?.found ?? end}, not ${unmet?.expected}`,
      "give serve and check the same --profile and --config",
    ],
    [
      showsOther(ipv6),
      `clients that ask over IPv6 see ${overIPv6}: ${
        unguarded ?? "the rule does not cover its address"
      }`,
      unguarded === undefined ? install : `fix that, then ${install}`,
    ],
    [
      kind !== "emulated" && foreign !== undefined,
      `a rule of others takes the traffic: ${foreign}`,
      diversion?.next ?? "delete that rule, or have it come after C2S-IMDS",
    ],
    [
      (kind === "failing" || kind === "silent") && diversion !== undefined,
      diversion?.why ?? "",
      diversion?.next ?? "",
    ],
    // They see another region: why does the proxy not stand between?
    [
      kind === "unmapped",
      `clients see ${region}, which no --region of this check names`,
      isRealRegion(region)
        ? `give check the --region of serve, or both --region ${region}=EMULATED`
        : "give check the --region of serve",
    ],
    [
      kind === "disagreeing",
      `the answers disagree: ${diagnosis.detail}`,
      `give serve and check the same --region, and ${LOG}`,
    ],
    [
      isReal && proxy === undefined,
      `${url} shows the real region ${region}`,
      "ask the address of a c2s-imds, or leave --url out to ask as clients do",
    ],
    [
      isReal && shown?.kind === "real",
      `the proxy on ${address} itself shows the real region`,
      `start c2s-imds serve with --region ${region}=${regions.get(region)}`,
    ],
    [
      isReal && lacking !== undefined,
      `clients see the real region ${region}, and no rule can be installed: ${lacking}`,
      `${remedy}, then ${start}`,
    ],
    [
      isReal && shown?.kind !== "emulated" && stranger !== undefined,
      `clients see the real region ${region}, and ${stranger} listens on ${address}`,
      `stop that program, then ${start}`,
    ],
    [
      isReal && shown?.kind !== "emulated",
      `clients see the real region ${region}, and no proxy shows another on ${address}`,
      start,
    ],
    [
      isReal && rule.state === "installed",
      "the rule is there, but another one takes the traffic before it",
      "see what stands before C2S-IMDS in iptables -t nat -S OUTPUT, or in nft list ruleset",
    ],
    [
      isReal,
      `the proxy on ${address} shows ${shown?.region}, but clients are not redirected to it: ${
        inShort(rule)
      }`,
      install,
    ],
    // No answer at all: on which side of the rule does it get lost?
    [
      silence === "no route",
      `this node has no route to ${url}`,
      `add one, the rule needs it too: see ip route get ${host}`,
    ],
    [
      silence === "unknown name",
      `nobody knows the name in ${url}`,
      "correct --url",
    ],
    [
      isRuled && stranger !== undefined,
      `the guard lets nobody but the proxy answer, and ${stranger} listens on ${address}`,
      `stop that program, then ${start}`,
    ],
    [
      isRuled && shown?.silence === "refused",
      `the rule is for a proxy on ${address}, where nothing listens`,
      `${start}, or remove the rule with c2s-imds iptables remove`,
    ],
    [isRuled && rule.state === "drift", inShort(rule), install],
    [
      isRuled && shown?.kind === "silent",
      `the rule redirects to ${address}, where a proxy does not answer`,
      LOG,
    ],
    [
      isRuled,
      `the proxy answers on ${address}, but what clients send does not arrive there`,
      "let INPUT accept what comes in on lo (iptables -S INPUT), and see what stands before C2S-IMDS in iptables -t nat -S OUTPUT",
    ],
    [
      silence === "refused" && isNear,
      `nothing listens at ${url}`,
      "start c2s-imds there, or correct --url",
    ],
    [
      silence === "refused",
      `nothing listens at ${url}, or a firewall or a pod's network rejects it`,
      seeRule ?? "ask on the node itself or with hostNetwork: true",
    ],
    [
      silence === "timeout" && !isNear,
      "packets are dropped: by a firewall, or the instance's metadata service is off",
      seeRule ?? "see iptables -S OUTPUT and the instance's metadata options",
    ],
    [kind === "silent", diagnosis.reason ?? "", isNear ? LOG : STATUS],
    // An answer that is no use: whose is it?
    [
      status === STATUS_CODE.LoopDetected,
      "the proxy's own requests come back to it: the rule exempts another user",
      "give c2s-imds iptables install and serve the same --user",
    ],
    [
      status === STATUS_CODE.BadGateway ||
      status === STATUS_CODE.GatewayTimeout,
      `a proxy answers ${status}: it does not reach the metadata service behind it`,
      LOG,
    ],
    [
      status === STATUS_CODE.ServiceUnavailable,
      `a proxy or the service answers ${status}: too much to do, or stopping`,
      `ask again, and ${LOG}`,
    ],
    [
      status === STATUS_CODE.OK,
      `the answer for ${source} cannot be read`,
      `look at it with curl -i ${url}/latest/`,
    ],
    [
      kind === "failing",
      `the answer for ${source} is ${status}`,
      source === "token"
        ? LOG
        : "see the instance's metadata options (tokens, access)",
    ],
    [
      kind === "nothing",
      `what answers at ${url} knows none of the paths`,
      `look at it with curl -i ${url}/latest/`,
    ],
  ];
}

/** The rule in a few words that continue a sentence. */
function inShort(rule: Findings["rule"]): string {
  switch (rule.state) {
    case "drift":
      return `the rule is not as expected, ${rule.differences[0]}`;
    case "unknown":
      return "only root sees why";
    default:
      return `the rule is ${rule.state}`;
  }
}
