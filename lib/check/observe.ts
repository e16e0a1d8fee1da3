/**
 * What a metadata service shows a client that asks as SDKs do: a token first,
 * then each of the three places that name the region.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { REGION_NAME } from "../config/regions.ts";
import {
  type MetadataAnswer,
  type MetadataQuestion,
  TOKEN_HEADER,
  TOKEN_TARGET,
  TOKEN_TTL_HEADER,
} from "../system/metadata_client.ts";
import type { Expectation } from "./expectations.ts";

/** Why no answer came. */
export type Silence =
  | "refused"
  | "no route"
  | "timeout"
  | "unknown name"
  | "other";

/** How one question ended: with a status, or in silence. */
export type Outcome =
  & {
    /** How long it took, in milliseconds. */
    readonly ms: number;
  }
  & ({
    /** The status of the answer. */
    readonly status: number;
  } | {
    /** Why there is no answer. */
    readonly silence: Silence;
    /** The same in the system's words. */
    readonly reason: string;
  });

/** Where an instance says it runs. */
export interface Place {
  /** The region, where the answer names one. */
  readonly region?: string;
  /** The availability zone, where the answer names one. */
  readonly zone?: string;
}

/** The three answers that name the region, by what they are called here. */
export const SOURCES = {
  region: "/latest/meta-data/placement/region",
  zone: "/latest/meta-data/placement/availability-zone",
  document: "/latest/dynamic/instance-identity/document",
} as const;

/** One of the names in {@linkcode SOURCES}. */
export type Source = keyof typeof SOURCES;

/** What one of the three answers said. */
export interface Sight {
  /** Which. */
  readonly source: Source;
  /** How the question ended. */
  readonly outcome: Outcome;
  /** What it names; empty where it names nothing that can be read. */
  readonly place: Place;
}

/** What one answer shows of what an identity makes clients expect. */
export interface Shown extends Pick<Expectation, "what" | "expected"> {
  /** How the question ended. */
  readonly outcome: Outcome;
  /** Whether it is as expected, or there is nothing it is about. */
  readonly kept: boolean;
  /** What the answer shows, if it is worth telling. */
  readonly found?: string;
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
  readonly sights: readonly Sight[];
  /** What is expected beside the region, if anything is, up to a silence. */
  readonly promises?: readonly Shown[];
}

/** How long SDKs wait for an answer: one second, botocore and Java alike. */
export const ANSWER_MS = 1_000;

/** The longest TTL, which SDKs ask for. */
const TTL_SECONDS = "21600";

/** The answers to a token request that send the SDK for Go to IMDSv1. */
const WITHOUT_TOKENS: readonly number[] = [
  STATUS_CODE.Forbidden,
  STATUS_CODE.NotFound,
  STATUS_CODE.MethodNotAllowed,
];

/** With what a service is observed. */
export interface ObserveParts {
  /** Asks one question. */
  readonly ask: (question: MetadataQuestion) => Promise<MetadataAnswer>;
  /** A clock that only goes on, in milliseconds. */
  readonly now: () => number;
  /** When all must be over, by that clock. */
  readonly until: number;
  /** What must be seen beside the region. */
  readonly expectations?: readonly Expectation[];
}

/**
 * Observes a metadata service. Never throws for what the service does.
 *
 * @param url the service as `http://HOST[:PORT]`
 */
export async function observe(
  url: string,
  { ask, now, until, expectations = [] }: ObserveParts,
): Promise<Observation> {
  const timed = async (
    question: Omit<MetadataQuestion, "url" | "timeoutMs">,
  ): Promise<{ outcome: Outcome; answer?: MetadataAnswer }> => {
    const start = now();
    const timeoutMs = Math.max(1, Math.min(ANSWER_MS, until - start));
    try {
      const answer = await ask({ ...question, url, timeoutMs });
      return { outcome: { ms: now() - start, status: answer.status }, answer };
    } catch (error) {
      return { outcome: { ms: now() - start, ...silenceOf(error, url) } };
    }
  };
  const { outcome: token, answer } = await timed({
    method: "PUT",
    target: TOKEN_TARGET,
    headers: { [TOKEN_TTL_HEADER]: TTL_SECONDS },
  });
  const version = versionOf(answer);
  const ttlTold = answer?.headers.has(TOKEN_TTL_HEADER.toLowerCase()) ?? false;
  const headers: Record<string, string> = version === "v2"
    ? { [TOKEN_HEADER]: textOf(answer) }
    : {};
  const sights: Sight[] = [];
  for (const [source, target] of entries(SOURCES)) {
    if (version === undefined) break;
    const { outcome, answer } = await timed({ target, headers });
    sights.push({ source, outcome, place: placeOf(source, answer) });
    if ("silence" in outcome) break;
  }
  const promises: Shown[] = [];
  const silent = sights.length < Object.keys(SOURCES).length;
  for (const { what, target, expected, judge } of silent ? [] : expectations) {
    const { outcome, answer } = await timed({ target, headers });
    const judgement = answer === undefined ? { kept: false } : judge(answer);
    promises.push({ what, expected, outcome, ...judgement });
    if ("silence" in outcome) break;
  }
  const seen = { token, version, ttlTold, sights };
  return promises.length === 0 ? seen : { ...seen, promises };
}

function entries<Key extends string, Value>(
  record: Readonly<Record<Key, Value>>,
): [Key, Value][] {
  return Object.entries(record) as [Key, Value][];
}

function versionOf(token: MetadataAnswer | undefined): Observation["version"] {
  if (token?.status === STATUS_CODE.OK) return "v2";
  return token !== undefined && WITHOUT_TOKENS.includes(token.status)
    ? "v1"
    : undefined;
}

function textOf(answer: MetadataAnswer | undefined): string {
  return new TextDecoder().decode(answer?.body).trim();
}

/**
 * Reads the region and the zone out of an answer; names that could be neither
 * are left out.
 *
 * @param source which answer it is
 * @param answer the answer, if there is one
 */
export function placeOf(
  source: Source,
  answer: MetadataAnswer | undefined,
): Place {
  if (answer?.status !== STATUS_CODE.OK) return {};
  if (source !== "document") return named(source, textOf(answer));
  try {
    const document: unknown = JSON.parse(textOf(answer));
    if (typeof document !== "object" || document === null) return {};
    const { region, availabilityZone } = document as Record<string, unknown>;
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
  ENOTFOUND: "unknown name",
  EAI_AGAIN: "unknown name",
};

/** Tells why a question was not answered. */
function silenceOf(
  error: unknown,
  url: string,
): { readonly silence: Silence; readonly reason: string } {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.replace(`Cannot ask ${url}: `, "");
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Deno.errors.TimedOut) {
    return { silence: "timeout", reason };
  }
  const code = cause instanceof Error && "code" in cause
    ? String(cause.code)
    : "";
  return { silence: SILENCES[code] ?? "other", reason };
}
