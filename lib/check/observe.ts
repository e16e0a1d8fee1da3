/**
 * What a client makes of a metadata service that it asks as SDKs do: a token
 * first, then each of the three places that name the region.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { isZoneOf } from "../config/profile.ts";
import { REGION_NAME, type RegionMap } from "../config/regions.ts";
import { TOKEN_HEADER, TOKEN_TTL_HEADER } from "../proxy/headers.ts";
import {
  type MetadataAnswer,
  type MetadataQuestion,
  TOKEN_TARGET,
} from "../proxy/metadata_client.ts";
import { detailOf, UpstreamError } from "../proxy/upstream/upstream_error.ts";
import type { Expectation, Judgement } from "./expectations.ts";

/** Why no answer came. */
export type Silence =
  | "refused"
  | "no route"
  | "timeout"
  | "unknown name"
  | "other";

/** How one question ended: with a status, or in silence. */
export interface Outcome {
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** The status of the answer. */
  readonly status?: number;
  /** Why there is no answer. */
  readonly silence?: Silence;
  /** The same in the system's words. */
  readonly reason?: string;
}

/** Where an instance says it runs. */
export interface Place {
  /** The region, where the answer names one. */
  readonly region?: string;
  /** The availability zone, where the answer names one. */
  readonly zone?: string;
}

/** The three answers that name the region, by what they are called here. */
export const SOURCES = [
  ["region", "/latest/meta-data/placement/region"],
  ["zone", "/latest/meta-data/placement/availability-zone"],
  ["document", "/latest/dynamic/instance-identity/document"],
] as const;

/** One of the names in {@linkcode SOURCES}. */
export type Source = typeof SOURCES[number][0];

/** What one of the three answers said. */
export interface Reading {
  /** Which. */
  readonly source: Source;
  /** How the question ended. */
  readonly outcome: Outcome;
  /** What it names; empty where it names nothing that can be read. */
  readonly place: Place;
}

/** What one answer shows of what an identity makes clients expect. */
export interface Shown extends Pick<Expectation, "what">, Judgement {
  /** How the question ended. */
  readonly outcome: Outcome;
}

/** All that was seen. The token is not in it. */
export interface Observation {
  /** How the request for a token ended. */
  readonly token: Outcome;
  /** What the service speaks; `undefined` where that did not come out. */
  readonly version: "v1" | "v2" | undefined;
  /** Whether a token came with its TTL, which some SDKs insist on. */
  readonly ttlTold: boolean;
  /** The answers in the order of {@linkcode SOURCES}, up to a silence. */
  readonly readings: readonly Reading[];
  /** What is expected beside the region, up to a silence. */
  readonly expectations: readonly Shown[];
}

/** How long SDKs wait for an answer: one second, botocore and Java alike. */
const ANSWER_MS = 1_000;

/** The longest TTL, which SDKs ask for. */
const TTL_SECONDS = "21600";

/** The answers to a token request that send the SDK for Go to IMDSv1. */
const WITHOUT_TOKENS: readonly number[] = [
  STATUS_CODE.Forbidden,
  STATUS_CODE.NotFound,
  STATUS_CODE.MethodNotAllowed,
];

/** Stands for an answer that did not come. */
const SILENT: MetadataAnswer = {
  status: 0,
  headers: new Map(),
  body: new Uint8Array(),
};

/** With what a service is observed. */
export interface ObserveParts {
  /** Asks one question. */
  readonly ask: (question: MetadataQuestion) => Promise<MetadataAnswer>;
  /** A clock that only goes on, in milliseconds. */
  readonly now: () => number;
  /** When all must be over, by that clock. */
  readonly until: number;
  /** What must be seen beside the region. */
  readonly expectations: readonly Expectation[];
}

/**
 * Observes a metadata service. Never throws for what the service does.
 *
 * @param url the service as `http://HOST[:PORT]`
 */
export async function observe(
  url: string,
  { ask, now, until, expectations }: ObserveParts,
): Promise<Observation> {
  let silent = false;
  const timed = async (
    question: Omit<MetadataQuestion, "url" | "timeoutMs">,
  ): Promise<{ outcome: Outcome; answer: MetadataAnswer }> => {
    const start = now();
    const timeoutMs = Math.max(1, Math.min(ANSWER_MS, until - start));
    try {
      const answer = await ask({ ...question, url, timeoutMs });
      return { outcome: { ms: now() - start, status: answer.status }, answer };
    } catch (error) {
      silent = true;
      const outcome = { ms: now() - start, ...silenceOf(error as Error) };
      return { outcome, answer: SILENT };
    }
  };
  const { outcome: token, answer } = await timed({
    method: "PUT",
    target: TOKEN_TARGET,
    headers: { [TOKEN_TTL_HEADER]: TTL_SECONDS },
  });
  const hasToken = answer.status === STATUS_CODE.OK;
  const isV1 = WITHOUT_TOKENS.includes(answer.status);
  const version = hasToken ? "v2" : isV1 ? "v1" : undefined;
  const ttlTold = answer.headers.has(TOKEN_TTL_HEADER);
  const readings: Reading[] = [];
  const shown: Shown[] = [];
  const seen = {
    token,
    version,
    ttlTold,
    readings,
    expectations: shown,
  } as const;
  if (version === undefined) return seen;
  const headers: Record<string, string> = hasToken
    ? { [TOKEN_HEADER]: textOf(answer) }
    : {};
  for (const [source, target] of SOURCES) {
    if (silent) break;
    const { outcome, answer } = await timed({ target, headers });
    readings.push({ source, outcome, place: placeOf(source, answer) });
  }
  for (const { what, target, judge } of expectations) {
    if (silent) break;
    const { outcome, answer } = await timed({ target, headers });
    shown.push({ what, outcome, ...judge(answer) });
  }
  return seen;
}

function textOf({ body }: MetadataAnswer): string {
  return new TextDecoder().decode(body).trim();
}

/**
 * Reads the region and the zone out of an answer; names that could be neither
 * are left out.
 *
 * @param source which answer it is
 * @param answer the answer
 */
export function placeOf(source: Source, answer: MetadataAnswer): Place {
  if (answer.status !== STATUS_CODE.OK) return {};
  if (source !== "document") return named(source, textOf(answer));
  try {
    const document: Record<string, unknown> = JSON.parse(textOf(answer)) ?? {};
    const { region, availabilityZone } = document;
    return { ...named("region", region), ...named("zone", availabilityZone) };
  } catch {
    return {};
  }
}

function named(key: keyof Place, value: unknown): Place {
  return typeof value === "string" && REGION_NAME.test(value)
    ? { [key]: value }
    : {};
}

const SILENCES: Readonly<Record<string, Silence>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "no route",
  ENETUNREACH: "no route",
  ETIMEDOUT: "timeout",
};

/** Tells why a question was not answered, best by the system's own code. */
function silenceOf(
  error: Error,
): { readonly silence: Silence; readonly reason: string } {
  const cause = error.cause ?? error;
  if (cause instanceof UpstreamError && cause.fault === "late") {
    return { silence: "timeout", reason: cause.message };
  }
  const isWrapped = cause instanceof UpstreamError && cause.cause !== undefined;
  const reason = detailOf(isWrapped ? cause.cause : cause);
  // The resolver's errors have no code.
  const silence = /^failed to lookup address/.test(reason)
    ? "unknown name"
    : SILENCES[reason] ?? "other";
  return { silence, reason };
}

/**
 * What a client takes the instance for. The rest explains the kind; how a
 * question ended, of the one that failed: status 200 where it cannot be read.
 */
export interface Diagnosis extends Omit<Outcome, "ms"> {
  /**
   * All that was said names one region: an emulated one, a real one that a map
   * covers, or one that no map knows. Or the answers contradict each other, a
   * question got no answer, an answer is an error or cannot be read, or every
   * answer is 404, and this may be anything but the service.
   */
  readonly kind:
    | "emulated"
    | "real"
    | "unmapped"
    | "disagreeing"
    | "silent"
    | "failing"
    | "nothing";
  /** The region that all answers name. */
  readonly region?: string;
  /** What each of the disagreeing answers says, in one line. */
  readonly detail?: string;
  /** Which answer failed. */
  readonly source?: "token" | Source;
}

/**
 * Tells which region a client takes the instance to be in.
 *
 * @param observation what it saw
 * @param regions emulated regions by real ones
 */
export function diagnose(
  { token, version, readings }: Observation,
  regions: RegionMap,
): Diagnosis {
  for (const outcome of [token, ...readings.map(({ outcome }) => outcome)]) {
    const { ms: _, ...silence } = outcome;
    if (outcome.silence !== undefined) return { kind: "silent", ...silence };
  }
  const there = readings.filter(({ outcome }) =>
    outcome.status !== STATUS_CODE.NotFound
  );
  const failed = version === undefined
    ? { source: "token" as const, outcome: token }
    : there.find(({ outcome, place }) =>
      outcome.status !== STATUS_CODE.OK || Object.keys(place).length === 0
    );
  if (failed !== undefined) {
    const { source, outcome: { ms: _, ...status } } = failed;
    return { kind: "failing", source, ...status };
  }
  if (there.length === 0) return { kind: "nothing" };
  const named = distinct(there.map(({ place }) => place.region));
  const zones = distinct(there.map(({ place }) => place.zone));
  const [zone = "", ...otherZones] = zones;
  const [region = regionOfZone(zone, regions), ...others] = named;
  const isElsewhere = named.length > 0 && zones.length > 0 &&
    zone !== region && !isZoneOf(zone, region);
  if (others.length > 0 || otherZones.length > 0 || isElsewhere) {
    const detail = there.map(({ source, place }) =>
      [source, place.region, place.zone].filter(Boolean).join(" ")
    ).join(", ");
    return { kind: "disagreeing", detail };
  }
  if ([...regions.values()].includes(region)) {
    return { kind: "emulated", region };
  }
  return { kind: regions.has(region) ? "real" : "unmapped", region };
}

function distinct(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** The region of a zone where nothing else names it: without its letter. */
function regionOfZone(zone: string, regions: RegionMap): string {
  return [...regions].flat().find((region) => isZoneOf(zone, region)) ??
    zone.replace(/(\d)[a-z]$/, "$1");
}
