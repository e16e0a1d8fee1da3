/**
 * Finds out all that decides whether clients see the emulated region: what the
 * service shows at both its addresses, what the proxy itself shows, how the
 * rule stands, and who is in the way.
 *
 * @module
 */
import type { RegionMap } from "../config/regions.ts";
import type { askMetadata } from "../proxy/metadata_client.ts";
import type { Runner } from "../system/runner.ts";
import type { Expectation } from "./expectations.ts";
import {
  type ExpectedRule,
  findExemptProcesses,
  findManager,
  findStranger,
  type Manager,
  readRule,
  type RuleFacts,
} from "./node_facts.ts";
import {
  diagnose,
  type Diagnosis,
  type Observation,
  observe,
} from "./observe.ts";

/** What was seen at one address. */
export interface Seen {
  /** Answer by answer. */
  readonly observation: Observation;
  /** As a whole. */
  readonly diagnosis: Diagnosis;
}

/** All that was found out. */
export interface Findings {
  /** The service as `http://HOST[:PORT]`. */
  readonly url: string;
  /** Who asked. */
  readonly uid: number;
  /** Emulated regions by real ones. */
  readonly regions: RegionMap;
  /** The rule. */
  readonly rule: RuleFacts;
  /** What was seen; `undefined` where who asked is the proxy's own user. */
  readonly seen: Seen | undefined;
  /** What was seen over IPv6, asked where IPv4 shows nothing wrong. */
  readonly ipv6?: Seen;
  /** The proxy itself, asked only where that explains what was seen. */
  readonly proxy?: {
    /** Its address, as `HOST:PORT`. */
    readonly address: string;
    /** What it shows. */
    readonly diagnosis: Diagnosis;
    /** Who listens there in its place, for people. */
    readonly stranger: string | undefined;
  };
  /** Processes that go around the rule as the proxy's user, for people. */
  readonly exempt: readonly string[];
  /** What starts the service, where something is wrong. */
  readonly manager?: Manager;
}

/** What is to be found out. */
export interface ProbeRequest extends ExpectedRule {
  /** The service as `http://HOST[:PORT]`. */
  readonly url: string;
  /** Its IPv6 address likewise, if that is to be asked too. */
  readonly ipv6Url: string | undefined;
  /** Emulated regions by real ones, at least one. */
  readonly regions: RegionMap;
  /** What clients must see beside the region. */
  readonly expectations: readonly Expectation[];
  /** How long to wait for the emulated region, in milliseconds. */
  readonly waitMs: number;
}

/** A clock that only goes on, and can be waited on. */
export interface Clock {
  /** The time, in milliseconds since some moment. */
  now(): number;
  /** Waits. */
  delay(ms: number): Promise<void>;
}

/** With what it is found out. */
export interface ProbeParts {
  /** Runs the commands that show the rule. */
  readonly run: Runner;
  /** Asks one question. */
  readonly ask: typeof askMetadata;
  /** The clock. */
  readonly clock: Clock;
  /** Who asks. */
  readonly uid: number;
  /** The environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Hears what is seen while it is not yet what is waited for. */
  readonly waiting?: (seen: Diagnosis) => void;
}

/** What one look at both addresses shows. */
type Looked = Pick<Findings, "ipv6"> & { readonly seen: Seen };

/**
 * Finds it out.
 *
 * @param request what
 * @param parts with what
 */
export async function probe(
  request: ProbeRequest,
  { run, ask, clock, uid, env, waiting }: ProbeParts,
): Promise<Findings> {
  const { url, destination, regions, expectations, proxyUid } = request;
  // Asked of `cat`: Deno looks at /proc only with every permission.
  const inet6 = await run(["cat", "/proc/net/if_inet6"]);
  const ipv6Url = typeof inet6 !== "string" && inet6.code === 0
    ? request.ipv6Url
    : undefined;
  const look = async (
    at: string,
    until: number,
    expectations: readonly Expectation[],
  ): Promise<Seen> => {
    const parts = { ask, now: clock.now, until, expectations };
    const observation = await observe(at, parts);
    return { observation, diagnosis: diagnose(observation, regions) };
  };
  const lookAtBoth = async (until: number): Promise<Looked> => {
    const seen = await look(url, until, expectations);
    return ipv6Url === undefined || !isFine({ seen })
      ? { seen }
      : { seen, ipv6: await look(ipv6Url, until, []) };
  };
  const isProxyUser = destination !== undefined && uid === proxyUid;
  const looked = isProxyUser ? undefined : await lookUntil(
    lookAtBoth,
    isFine,
    request.waitMs,
    clock,
    ({ seen }) => waiting?.(seen.diagnosis),
  );
  const rule = await readRule(request, run);
  const exempt = destination === undefined
    ? []
    : await findExemptProcesses(proxyUid, run);
  const findings = {
    url,
    uid,
    regions,
    rule,
    seen: undefined,
    exempt,
    ...looked,
  };
  if (looked === undefined || isFine(looked) || destination === undefined) {
    return findings;
  }
  const manager = await findManager(env, run);
  if (looked.seen.diagnosis.kind === "emulated") {
    return { ...findings, manager };
  }
  const port = "port" in rule ? rule.port : request.defaultPort;
  const address = `127.0.0.1:${port}`;
  const { diagnosis } = await look(`http://${address}`, Infinity, expectations);
  const stranger = await findStranger(port, proxyUid, run);
  return { ...findings, manager, proxy: { address, diagnosis, stranger } };
}

/** Whether clients see the emulated region, and what goes with it. */
function isFine({ seen, ipv6 }: Looked): boolean {
  return seen.diagnosis.kind === "emulated" &&
    seen.observation.expectations.every(({ met }) => met) && !showsOther(ipv6);
}

/**
 * Whether clients get a region that is not the emulated one. Over IPv6 no
 * answer is as good: where nothing listens on [::1], the guard refuses.
 */
export function showsOther(seen: Seen | undefined): boolean {
  return seen !== undefined &&
    ["real", "unmapped", "disagreeing"].includes(seen.diagnosis.kind);
}

/** The pause between two looks. */
const PAUSE_MS = 1_000;

/** A look needs so much time; answers of this node come within a few ms. */
const LOOK_MS = 250;

/**
 * Looks until what is seen is good or time is up; once in any case.
 *
 * @param look looks, and is over by a time of the clock
 * @param isGood whether that is what was waited for
 * @param waitMs how long all may take; 0 looks once
 * @param waiting hears what was seen before each pause
 * @returns what was seen last; a last look that was cut short counts only if
 * it is good
 */
export async function lookUntil<Found>(
  look: (until: number) => Promise<Found>,
  isGood: (found: Found) => boolean,
  waitMs: number,
  clock: Clock,
  waiting: (found: Found) => void = () => {},
): Promise<Found> {
  const end = waitMs === 0 ? Infinity : clock.now() + waitMs;
  let found = await look(end);
  while (waitMs > 0 && !isGood(found)) {
    const left = end - clock.now();
    if (left <= LOOK_MS) break;
    waiting(found);
    await clock.delay(Math.min(PAUSE_MS, left - LOOK_MS));
    const next = await look(end);
    if (isGood(next) || clock.now() < end) found = next;
  }
  return found;
}
