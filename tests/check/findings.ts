/**
 * What `check` may have found out, for tests of what it makes of that.
 *
 * @module
 */
import type { RuleFacts } from "../../lib/check/node_facts.ts";
import {
  type Diagnosis,
  type Observation,
  type Place,
  SOURCES,
} from "../../lib/check/observe.ts";
import type { Findings, Seen } from "../../lib/check/probe.ts";

/** What clients should see. */
export const EMULATED: Diagnosis = {
  kind: "emulated",
  region: "us-iso-east-1",
};

/** What they see without a proxy. */
export const REAL: Diagnosis = { kind: "real", region: "us-east-1" };

/** Nobody listens. */
export const DOWN: Diagnosis = {
  kind: "silent",
  silence: "refused",
  reason: "ECONNREFUSED",
};

/** All that a client saw of a service that names no region. */
export const OBSERVATION: Observation = {
  token: { status: 200, ms: 2.04 },
  version: "v2",
  ttlTold: true,
  readings: [],
  expectations: [],
};

/**
 * The answers for region, zone and document, the document's as REGION/ZONE; a
 * status where there is no such answer, `?` for one that cannot be read.
 */
export function readings(said: string): Observation["readings"] {
  return said.split(" ").map((word, i) => {
    const [source] = SOURCES[i] ?? SOURCES[0];
    const status = Number(word) || 200;
    const [region = "", zone = ""] = word.split("/");
    const place: Place = status !== 200 || word === "?"
      ? {}
      : source === "document"
      ? { region, zone }
      : { [source]: word };
    return { source, outcome: { status, ms: 1 }, place };
  });
}

/** A look at one address. */
export function seen(
  diagnosis: Diagnosis,
  observation: Partial<Observation> = {},
): Seen {
  return { diagnosis, observation: { ...OBSERVATION, ...observation } };
}

/** A rule as it stands. */
export function ruleIn(
  state: RuleFacts["state"],
  differences: readonly string[] = ["the guard is missing"],
  unguarded: readonly string[] = [],
): RuleFacts {
  if (state === "not needed") return { state };
  if (state === "unknown") return { state, reason: "Cannot tell: no rights" };
  return {
    state,
    backend: "nft",
    port: 4000,
    differences: state === "drift" ? differences : [],
    unguarded,
    diversions: [],
  };
}

/** The proxy's address, and what is found there. */
export function proxy(
  diagnosis: Diagnosis,
  stranger?: string,
): NonNullable<Findings["proxy"]> {
  return { address: "127.0.0.1:4000", diagnosis, stranger };
}

/** All well, but for what is given. */
export function findings(special: Partial<Findings> = {}): Findings {
  return {
    url: "http://169.254.169.254",
    uid: 0,
    regions: new Map([["us-east-1", "us-iso-east-1"]]),
    rule: ruleIn("installed"),
    seen: seen(EMULATED),
    exempt: [],
    ...special,
  };
}
