/**
 * The rule as the parent uses it.
 *
 * @module
 */
import type { RuleManager } from "../rule/rule_manager.ts";

/** What the parent asks of the rule. */
export type RuleKeeper = Pick<
  RuleManager,
  | "install"
  | "block"
  | "remove"
  | "verify"
  | "repair"
  | "stranger"
  | "mayStand"
>;

/** The rule belongs to another proxy. */
export class RivalError extends Error {
  /** Where the other one listens. */
  readonly port: number;
  /** Whom it runs as. */
  readonly uid: number;

  /**
   * Makes the error.
   *
   * @param action what was not done
   * @param port where the other one listens
   * @param uid whom it runs as
   */
  constructor(action: string, port: number, uid: number) {
    super(
      `Cannot ${action}: it leads to port ${port}, where another proxy listens as uid ${uid}, stop that one first`,
    );
    this.name = "RivalError";
    this.port = port;
    this.uid = uid;
  }
}
