/**
 * From what a client saw to the one thing that matters: which region it takes
 * the instance to be in.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { RegionMap } from "../config/regions.ts";
import type { Observation, Outcome, Silence, Source } from "./observe.ts";

/** What a client makes of the service. */
export type Diagnosis =
  | {
    /** All that was said names one emulated region. */
    readonly kind: "emulated";
    /** That region. */
    readonly region: string;
  }
  | {
    /** All that was said names one real region, which a map covers. */
    readonly kind: "real";
    /** That region. */
    readonly region: string;
  }
  | {
    /** All that was said names one region, which no map knows. */
    readonly kind: "unmapped";
    /** That region. */
    readonly region: string;
  }
  | {
    /** The answers contradict each other. */
    readonly kind: "disagreeing";
    /** What each says, in one line. */
    readonly detail: string;
  }
  | {
    /** A question got no answer. */
    readonly kind: "silent";
    /** Why. */
    readonly silence: Silence;
    /** The same in the system's words. */
    readonly reason: string;
  }
  | {
    /** An answer is an error, or cannot be read. */
    readonly kind: "failing";
    /** Which answer. */
    readonly source: "token" | Source;
    /** Its status; 200 for one that cannot be read. */
    readonly status: number;
  }
  | {
    /** Every answer is 404: it may be anything, but not this service. */
    readonly kind: "nothing";
  };

/**
 * Tells what a client makes of the service.
 *
 * @param observation what it saw
 * @param regions emulated regions by real ones
 */
export function diagnose(
  { token, version, sights }: Observation,
  regions: RegionMap,
): Diagnosis {
  const outcomes = [token, ...sights.map(({ outcome }) => outcome)];
  const silent = outcomes.find((outcome) => "silence" in outcome);
  if (silent !== undefined) {
    const { silence, reason } = silent;
    return { kind: "silent", silence, reason };
  }
  if (version === undefined) {
    return { kind: "failing", source: "token", status: statusOf(token) };
  }
  const there = sights.filter(({ outcome }) =>
    statusOf(outcome) !== STATUS_CODE.NotFound
  );
  if (there.length === 0) return { kind: "nothing" };
  const bad = there.find(({ outcome, place }) =>
    statusOf(outcome) !== STATUS_CODE.OK ||
    (place.region ?? place.zone) === undefined
  );
  if (bad !== undefined) {
    const { source, outcome } = bad;
    return { kind: "failing", source, status: statusOf(outcome) };
  }
  const places = there.map(({ place }) => place);
  const named = distinct(places.map(({ region }) => region));
  const zones = distinct(places.map(({ zone }) => zone));
  const [region = regionOfZone(zones[0] ?? "", regions)] = named;
  if (
    named.length > 1 || zones.length > 1 ||
    !zones.every((zone) => isZoneOf(zone, region))
  ) {
    const detail = there.map(({ source, place }) =>
      `${source} ${[place.region, place.zone].filter(Boolean).join(" ")}`
    ).join(", ");
    return { kind: "disagreeing", detail };
  }
  if ([...regions.values()].includes(region)) {
    return { kind: "emulated", region };
  }
  return { kind: regions.has(region) ? "real" : "unmapped", region };
}

function statusOf(outcome: Outcome): number {
  return "status" in outcome ? outcome.status : 0;
}

function distinct(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** A letter follows the region's name, or a dash and the name of a local zone. */
function isZoneOf(zone: string, region: string): boolean {
  return zone === region ||
    zone.startsWith(region) && /^(?:[a-z]$|-.)/.test(zone.slice(region.length));
}

/** The region of a zone where nothing else names it: without its letter. */
function regionOfZone(zone: string, regions: RegionMap): string {
  return [...regions].flat().find((region) => isZoneOf(zone, region)) ??
    zone.replace(/(\d)[a-z]$/, "$1");
}
