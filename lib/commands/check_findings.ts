/**
 * All that `check` found out, as one value.
 *
 * @module
 */
import type { Observation } from "../metadata/observation.ts";
import type { RegionMap } from "../config/regions.ts";
import type { Sighting } from "../metadata/sighting.ts";
import type { RuleReading } from "./check_rule.ts";

/** What the proxy shows when it is asked where it listens. */
export interface ProxySighting {
  /** Its address, as `HOST:PORT`. */
  readonly address: string;
  /** What it shows. */
  readonly sighting: Sighting;
}

/** What was found out. */
export interface Findings {
  /** The service as `http://HOST[:PORT]`. */
  readonly url: string;
  /** Who asked. */
  readonly uid: number;
  /** Emulated regions by real ones. */
  readonly regions: RegionMap;
  /** The rule. */
  readonly rule: RuleReading;
  /** What was seen; `undefined` where who asked is the proxy's own user. */
  readonly seen: {
    /** Answer by answer. */
    readonly observation: Observation;
    /** As a whole. */
    readonly sighting: Sighting;
  } | undefined;
  /** The proxy itself, asked only where that explains what was seen. */
  readonly proxy: ProxySighting | undefined;
}
