/**
 * The rule over the life of a proxy: for the supervisor.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { type Applied, installRules, removeRules } from "./apply.ts";
import { chooseBackend } from "./backend.ts";
import { type Context, requireCapabilities } from "./context.ts";
import { findRival, findStranger, type Lead } from "./leads.ts";
import type { Place } from "./remove.ts";
import {
  type Backend,
  type BackendChoice,
  BLOCKED_PORT,
  type Destination,
  type Family,
  type Rule,
} from "./rule.ts";
import { survey } from "./survey.ts";
import { findTools } from "./find_tools.ts";
import { judge } from "./verdict.ts";

/** What does not change while the proxy lives. */
export interface RuleOptions {
  /** The proxy's user, as the host counts; never 0. */
  readonly uid: number;
  /** What the rule catches, at most one address a family. */
  readonly destinations: readonly Destination[];
  /** Which backend to use. */
  readonly backend: BackendChoice;
}

/** The proxy's ports on the loopback addresses, by family. */
export type Ports = Readonly<Partial<Record<Family, number>>>;

/** How the kernel's rule compares with the one last asked for. */
export type Verified = "installed" | "absent" | {
  /** What differs, in one line. */
  readonly drift: string;
};

/**
 * The rule of one proxy. It keeps in mind what was last asked for, which is
 * what {@linkcode RuleManager.verify} compares with.
 *
 * Whose rule stands in the kernel cannot be told from the rule: only a proxy
 * whose own listeners are up may call anything but `verify`, `rival` and
 * `stranger`; and `block` where a stranger was found.
 *
 * All methods throw {@linkcode NetfilterError}, whose message is one line.
 * Calls must not overlap.
 */
export interface RuleManager {
  /** The backend in use. */
  readonly backend: Backend;
  /**
   * Whether something of this manager's may be in the kernel: what it fed came
   * in, or may have, and was not removed since. An `install` that fails may
   * have come so far.
   */
  readonly mayStand: boolean;
  /**
   * Points the rule to the proxy, over whatever of ours is there, and takes
   * ours out of the other backends.
   *
   * @param ports one for each family of the destinations
   */
  install(ports: Ports): Promise<Applied>;
  /**
   * Points the rule to a closed port: nobody reaches the real service and no
   * ordinary user can take the proxy's place.
   */
  block(): Promise<Applied>;
  /**
   * Takes the rule out of every backend; nothing there is fine. A place that
   * cannot be cleaned, and where it was never installed, is no failure: nor was
   * it one to install beside it.
   */
  remove(): Promise<readonly Place[]>;
  /**
   * Compares with what was last asked for, in about 30 ms. Before the first
   * `install` or `block`, and after `remove`, any rule of ours is drift.
   */
  verify(): Promise<Verified>;
  /**
   * Puts back what was last asked for, where it differs.
   *
   * @returns what was found
   */
  repair(): Promise<Verified>;
  /**
   * Another proxy at work that the rule leads to.
   *
   * @param own the ports that are ours
   */
  rival(own: Ports): Promise<Lead | undefined>;
  /**
   * Somebody the rule leads to who is neither a proxy nor root: after a
   * SIGKILL the rule stays, and anyone can take the port.
   *
   * @param ports the ports to look at
   * @returns the port, and the stranger's uid
   */
  stranger(ports: Ports): Promise<Lead | undefined>;
}

/**
 * Opens the rule. Changes nothing.
 *
 * @throws {NetfilterError} when the programs or capabilities are missing
 */
export async function openRule(
  options: RuleOptions,
  run: Runner,
): Promise<RuleManager> {
  const action = "install the rule";
  let mayStand = false;
  const context: Context = {
    run: async (argv, runOptions) => {
      const result = await run(argv, runOptions);
      const mayHaveWorked = typeof result === "string"
        ? result !== "not found"
        : result.code === 0;
      if (runOptions?.stdin !== undefined && mayHaveWorked) mayStand = true;
      return result;
    },
    tools: await findTools(run),
  };
  const backend = await chooseBackend(
    options.backend,
    context.tools,
    run,
    action,
  );
  await requireCapabilities(context, backend, action);
  let wanted: readonly Rule[] = [];
  const putInPlace = () => installRules(context, backend, wanted, mayStand);
  const point = async (portOf: (family: Family) => number | undefined) => {
    wanted = options.destinations.map((to) => {
      const port = portOf(to.family);
      if (port === undefined) {
        throw new TypeError(
          `Cannot install the rule: no port for ${to.family}`,
        );
      }
      return { ...to, uid: options.uid, port };
    });
    return await putInPlace();
  };
  const manager: RuleManager = {
    backend,
    get mayStand() {
      return mayStand;
    },
    install: (ports) => point((family) => ports[family]),
    block: () => point(() => BLOCKED_PORT),
    async remove() {
      wanted = [];
      const { removed, failures } = await removeRules(
        context,
        options.destinations,
      );
      const failed = failures.find((it) =>
        it.backend === backend &&
        options.destinations.some(({ family }) => family === it.family)
      );
      if (failed !== undefined) throw failed.error;
      mayStand = false;
      return removed;
    },
    async verify() {
      const { seen } = await survey(context, backend, wanted);
      const { state, differences } = judge(backend, wanted, seen);
      return state === "drift" ? { drift: differences.join("; ") } : state;
    },
    async repair() {
      const found = await manager.verify();
      if (wanted.length > 0 && found !== "installed") await putInPlace();
      return found;
    },
    async rival(own) {
      const { seen } = await survey(context, backend, []);
      return await findRival(seen, Object.values(own), run);
    },
    async stranger(ports) {
      const { seen } = await survey(context, backend, []);
      return await findStranger(seen, Object.values(ports), options.uid, run);
    },
  };
  return manager;
}
