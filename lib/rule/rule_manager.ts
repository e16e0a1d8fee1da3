/**
 * The rule as the supervisor of 0.1.0 asks for it, on top of reconciling: goes
 * when the supervisor reconciles itself.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { coveredTargets, openMachine } from "./machine.ts";
import {
  compare,
  findConflict,
  reconcile,
  type Reconciled,
} from "./reconcile.ts";
import type {
  Backend,
  BackendChoice,
  Desired,
  Destination,
  Family,
  RedirectTarget,
} from "./rule.ts";
import { isEmpty, readRules } from "./read.ts";

/** The proxy's ports on the loopback addresses, by family. */
export type Ports = Readonly<Partial<Record<Family, number>>>;

/** How the kernel's rule compares with the one last asked for. */
export type Verified = "installed" | "absent" | { readonly drift: string };

/** The rule of one proxy. */
export interface RuleManager {
  /** The backend in use. */
  readonly backend: Backend;
  /** Whether something of this manager's may be in the kernel. */
  readonly mayStand: boolean;
  /** Points the rule to the proxy. */
  install(ports: Ports): Promise<Pick<Reconciled, "warnings">>;
  /** Points the rule to a closed port. */
  block(): Promise<Pick<Reconciled, "warnings">>;
  /** Takes the rule out of every backend. */
  remove(): Promise<unknown>;
  /** Compares with what was last asked for. */
  verify(): Promise<Verified>;
  /** Puts back what was last asked for; returns what was found. */
  repair(): Promise<Verified>;
  /** Another proxy at work that the rule redirects to. */
  rival(own: Ports): Promise<RedirectTarget | undefined>;
  /** Nobody: the guard keeps strangers from answering. */
  stranger(ports: Ports): Promise<RedirectTarget | undefined>;
}

/** Opens the rule. Changes nothing. */
export async function openRule(
  options: {
    readonly uid: number;
    readonly destinations: readonly Destination[];
    readonly backend: BackendChoice;
  },
  run: Runner,
): Promise<RuleManager> {
  const machine = await openMachine(options.backend, "install the rule", run);
  let desired: Desired = { state: "absent" };
  let mayStand = false;
  const point = async (portOf: (family: Family) => number | undefined) => {
    const ports = Object.fromEntries(
      options.destinations.map(({ family }) => [family, portOf(family)]),
    );
    const targets = coveredTargets(machine, ports);
    desired = { state: "open", uid: options.uid, targets };
    mayStand = true;
    return await reconcile(machine, desired);
  };
  const manager: RuleManager = {
    backend: machine.backend,
    get mayStand() {
      return mayStand;
    },
    install: (ports) => point((family) => ports[family]),
    block: () => point(() => 1),
    async remove() {
      desired = { state: "absent" };
      await reconcile(machine, desired);
      mayStand = false;
    },
    async verify() {
      const { differences } = await compare(machine, desired);
      if (differences.length === 0) {
        return desired.state === "open" ? "installed" : "absent";
      }
      return (await readRules(machine)).places.every(isEmpty)
        ? "absent"
        : { drift: differences.join("; ") };
    },
    async repair() {
      const found = await manager.verify();
      if (desired.state === "open") await reconcile(machine, desired);
      return found;
    },
    rival: (own) => findConflict(machine, Object.values(own)),
    stranger: () => Promise.resolve(undefined),
  };
  return manager;
}
