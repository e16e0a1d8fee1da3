/**
 * What manifests share: what the proxy may take of a node, and what a unit does
 * to the rule once its proxy has ended, however it ended.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import type { NodeConfig } from "../config/serve_config.ts";

/** The name of the namespace and of what is in it. */
export const NAME = "c2s-imds";

/** What pods are selected by: it must never change. */
export const SELECTOR: Readonly<Record<string, string>> = {
  "app.kubernetes.io/name": NAME,
};

/**
 * The labels of an object; the version is that of the program which prints it.
 *
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
 *
 * @param component what the object is for
 */
export function labels(
  component: "proxy" | "monitoring",
): Readonly<Record<string, string>> {
  return {
    ...SELECTOR,
    "app.kubernetes.io/version": config.version,
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/part-of": NAME,
    "app.kubernetes.io/managed-by": NAME,
  };
}

/** Where a unit says that its documentation is. */
export const DOCUMENTATION: string =
  `Documentation=https://jsr.io/${config.name}`;

/**
 * The most descriptors: nothing else bounds how many connections clients hold
 * open. The kernel's own limit may be a million.
 */
export const MAX_DESCRIPTORS = 16_384;

/**
 * The most memory, in MiB. Idle, parent and child take 56 MiB; with every
 * descriptor a client that has begun its head, 321 MiB; `check` in the
 * container takes 60 MiB more. Only who floods the proxy gets further: then the
 * kernel kills the child, and the rule refuses clients until it is back.
 */
export const MAX_MEMORY_MIB = 512;

/**
 * Last to be killed when the node runs out of memory. Not -1000: with that the
 * kernel has nobody to kill at the limit above, and the proxy hangs.
 */
export const OOM_SCORE: number = -999;

/** What becomes of the rule at a clean stop, and when the proxy dies. */
export type LeavingRule = Pick<NodeConfig, "onStop" | "onCrash">;

/** The pause before a unit starts again, in seconds. */
const PAUSE_S = 2;

const STOPPED = `[ "$$SERVICE_RESULT" = success ]`;

/**
 * Whether somebody asks to stop while the unit pauses after a crash. systemd
 * runs no ExecStopPost= for a stop during RestartSec=, so the pause is here.
 */
const STOPPED_MEANWHILE =
  `{ sleep ${PAUSE_S}; systemctl show --property=Job %n | grep -q "=[1-9]"; }`;

/**
 * Makes the lines of a unit that carry out `--on-stop` and `--on-crash` where
 * the program cannot, and those that start it again.
 *
 * @param leaving what becomes of the rule
 * @param remove the command that removes it
 */
export function restartLines(
  { onStop, onCrash }: LeavingRule,
  remove: string,
): string {
  const restart = (seconds: number) =>
    `Restart=always\nRestartSec=${seconds}\n`;
  const post = (command: string) => `ExecStopPost=${command}\n`;
  if (onStop === "keep") {
    return onCrash === "keep"
      ? restart(PAUSE_S)
      : post(`/bin/sh -c '${STOPPED} || exec ${remove}'`) + restart(PAUSE_S);
  }
  return onCrash === "remove" ? post(remove) + restart(PAUSE_S) : post(
    `/bin/sh -c 'if ${STOPPED} || ${STOPPED_MEANWHILE}; then exec ${remove}; fi'`,
  ) + restart(0);
}
