/**
 * Why a client gets no answer at all, and what to do.
 *
 * @module
 */
import type { Sighting } from "../metadata/sighting.ts";
import type { Findings } from "./check_findings.ts";

/** What is behind something, and the cure. */
export interface Reason {
  /** Why, in one line. */
  readonly why: string;
  /** What to do now, in one line; nothing where all is well. */
  readonly next: string | undefined;
}

/** Puts the rule in place, for a proxy that runs. */
export const INSTALL = "run c2s-imds iptables install as root";

/** Starts proxy and rule together. */
export const SERVE = "run c2s-imds serve --iptables as root";

/** Shows the rule. */
export const STATUS = "see c2s-imds iptables status";

/** Shows what the proxy went through. */
export const LOG = "see the log of c2s-imds serve";

/** A question without an answer. */
export type Silent = Extract<Sighting, { kind: "silent" }>;

/**
 * Tells on which side of the rule the question or its answer gets lost.
 *
 * @param silent how the question ended
 * @param findings all that was found out
 */
export function reasonOfSilence(
  { silence, reason }: Silent,
  { url, rule, proxy }: Findings,
): Reason {
  if (silence === "no route") {
    return {
      why: `this node has no route to ${url}`,
      next: `add one, the rule needs it too: see ip route get ${hostOf(url)}`,
    };
  }
  if (silence === "unknown name") {
    return { why: `nobody knows the name in ${url}`, next: "correct --url" };
  }
  if (rule.state === "blocked") {
    return {
      why:
        "the rule points to a closed port, because the proxy is down or not up yet",
      next: `start c2s-imds serve --iptables again, and ${LOG}`,
    };
  }
  const there = proxy !== undefined && proxy.sighting.kind !== "silent";
  if (rule.state === "drift") {
    return {
      why: "the rule is not as expected",
      next: there ? INSTALL : SERVE,
    };
  }
  if (rule.state === "installed" && proxy !== undefined) {
    return lostBehindRule(silence, there, proxy.address);
  }
  const far = rule.state !== "not needed";
  const unseen = rule.state === "unknown"
    ? "run c2s-imds check as root to see the rule too"
    : undefined;
  if (silence === "refused") {
    return {
      why: far
        ? `nothing listens at ${url}, or a firewall or a pod's network rejects it`
        : `nothing listens at ${url}`,
      next: unseen ??
        (far
          ? "ask on the node itself or with hostNetwork: true"
          : "start c2s-imds there, or correct --url"),
    };
  }
  if (silence === "timeout") {
    return {
      why: far
        ? "packets are dropped: by a firewall, or the instance's metadata service is off"
        : `what listens at ${url} does not answer`,
      next: unseen ??
        (far
          ? "see iptables -S OUTPUT and the instance's metadata options"
          : LOG),
    };
  }
  return { why: reason, next: far ? STATUS : LOG };
}

function lostBehindRule(
  silence: Silent["silence"],
  there: boolean,
  address: string,
): Reason {
  if (there) {
    return {
      why:
        `the proxy answers on ${address}, but what the rule redirects gets lost`,
      next: "let INPUT accept what comes in on lo: see iptables -S INPUT",
    };
  }
  return silence === "refused"
    ? {
      why: `the rule leads to ${address}, where nothing listens`,
      next: `${SERVE}, or take the rule away with c2s-imds iptables remove`,
    }
    : {
      why: `the rule leads to ${address}, where a proxy does not answer`,
      next: LOG,
    };
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}
