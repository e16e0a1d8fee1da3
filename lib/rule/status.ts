/**
 * All that `iptables status` tells, as one value.
 *
 * @module
 */
import type { BackendChoice } from "../config/serve_config.ts";
import type { Runner } from "../system/runner.ts";
import { type Listener, listeningSockets } from "../system/socket_owners.ts";
import { blindSpots, commandOf, type Machine, openMachine } from "./machine.ts";
import { isEmpty, linesOf } from "./read.ts";
import { inspect, type Reached } from "./reconcile.ts";
import {
  type Backend,
  type Desired,
  type Family,
  loopback,
  type Place,
  type Rule,
  rulesOf,
} from "./rule.ts";
import { diversions } from "./shadow.ts";
import { RuleError } from "./rule_error.ts";

/** Rules of ours in one place. */
export interface FoundRules extends Place {
  /** The rules as the backend's program shows them, the guard's after `-t filter`. */
  readonly rules: readonly string[];
}

/** A rule of others that redirects what the proxy itself sends. */
export interface Diversion {
  /** What it does, in one line. */
  readonly why: string;
  /** What to do about it, in one line. */
  readonly next: string;
}

/** How things stand. */
export type Status =
  | Pick<Reached, "unguarded"> & {
    /**
     * In a word. `drift`: the kernel's rules differ from the expected ones, or
     * the redirect ends at no listener of the proxy's user.
     */
    readonly state: "installed" | "absent" | "drift";
    /** Where the rule is expected. */
    readonly backend: Backend;
    /** What is expected there. */
    readonly expected: readonly Rule[];
    /** What differs, each with what is there. */
    readonly differences: readonly string[];
    /** Every rule of ours, in every backend. */
    readonly found: readonly FoundRules[];
    /** What redirects the proxy's own requests, or clients in its place. */
    readonly diversions: readonly Diversion[];
    /** What else is worth knowing. */
    readonly warnings: readonly string[];
  }
  | {
    /** It cannot be told. */
    readonly state: "unknown";
    /** Why not, in one line. */
    readonly reason: string;
  };

/**
 * Finds out how things stand. Changes nothing.
 *
 * @param choice the backend that is expected
 * @param desiredOn what is expected on the machine
 */
export async function readStatus(
  choice: BackendChoice,
  desiredOn: (machine: Machine) => Desired | Promise<Desired>,
  run: Runner,
): Promise<Status> {
  try {
    const action = "tell whether the rule is installed";
    const machine = await openMachine(choice, action, run);
    const { reading, differences, reached, unguarded } = await inspect(
      machine,
      await desiredOn(machine),
    );
    const expected = rulesOf(reached);
    const isAbsent = reading.places.every(isEmpty);
    const all = isAbsent ? [] : [
      ...differences,
      ...listenerDifferences(expected, await listeningSockets(run)),
    ];
    return {
      state: isAbsent ? "absent" : all.length === 0 ? "installed" : "drift",
      backend: machine.backend,
      expected,
      differences: all,
      found: reading.places.map((place) => ({
        backend: place.backend,
        family: place.family,
        rules: linesOf(place),
      })).filter(({ rules }) => rules.length > 0),
      unguarded,
      diversions: reading.places.flatMap((place) =>
        expected.filter(({ family }) => family === place.family)
          .flatMap((rule) => diversions(place.nat.output, rule))
          .map((line) => diversion(commandOf(machine, place), line, isAbsent))
      ),
      warnings: [
        ...reading.unreadable.map(({ error }) => error.message),
        ...blindSpots(machine),
      ],
    };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { state: "unknown", reason: error.message };
  }
}

function diversion(
  command: string,
  line: string,
  isAbsent: boolean,
): Diversion {
  const removal = `${command} -t nat ${line.replace("-A", "-D")}`;
  const what = "another program's rule, as c2s-instance-metadata has one,";
  return isAbsent
    ? {
      why: `${what} redirects clients: "${line}"`,
      next: `before c2s-imds serve --iptables, run ${removal}`,
    }
    : {
      why: `${what} redirects the proxy's own requests`,
      next: `run ${removal}`,
    };
}

/**
 * Which redirects end at no listener of the proxy's user.
 *
 * @param listeners `undefined` where it cannot be told: then nothing differs
 */
function listenerDifferences(
  rules: readonly Rule[],
  listeners: readonly Listener[] | undefined,
): readonly string[] {
  if (listeners === undefined) return [];
  return rules.flatMap(({ family, port, uid }) => {
    if (port === undefined) return [];
    const there = listeners.filter(({ local, localPort }) =>
      localPort === port && isReachable(family, local)
    );
    if (there.some((one) => one.uid === uid)) return [];
    const [stranger] = there;
    const where = loopback(family, port);
    return stranger === undefined
      ? [`nobody listens on ${where}, requests are refused`]
      : [`uid ${stranger.uid} listens on ${where}, expected uid ${uid}`];
  });
}

/** A socket on `::` takes IPv4 as well. */
function isReachable(family: Family, local: string): boolean {
  return family === "ip" ? local !== "::1" : local.includes(":");
}
