/**
 * The rule's status, for those who may not change it.
 *
 * @module
 */

/** What has happened to the rule so far. */
export interface RuleTally {
  /** How often it was found wrong and put right. */
  readonly repairs: number;
  /** How often it could not be looked at or changed. */
  readonly failures: number;
}

/** Shows the status of the rule. */
export interface RuleView {
  /** What has happened to it so far. */
  readonly tally: RuleTally;
  /**
   * Looks at it now; never fails, but may take as long as it likes.
   *
   * @returns what is wrong with it, in one line; `undefined` where it is in
   * place
   */
  fault(): Promise<string | undefined>;
}
