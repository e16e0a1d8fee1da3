/**
 * A rule that yields: where it leads to another proxy at work, nothing is
 * touched, so two on one node never fight over it.
 *
 * @module
 */
import type { Ports, RuleManager } from "../rule/rule_manager.ts";
import { RivalError, type RuleKeeper } from "./rule_keeper.ts";

/**
 * Makes a rule yield. Each call looks first, but `block`, which must be quick:
 * it goes by what the last look found.
 *
 * @param rule the rule
 */
export function yieldingRule(
  rule: RuleKeeper & Pick<RuleManager, "rival">,
): RuleKeeper {
  let own: Ports = {};
  let last: RivalError | undefined;
  const look = async (action: string) => {
    const rival = await rule.rival(own);
    last = rival === undefined
      ? undefined
      : new RivalError(action, rival.port, rival.uid);
    if (last !== undefined) throw last;
  };
  return {
    get mayStand() {
      return rule.mayStand;
    },
    async install(ports) {
      own = ports;
      await look("take the rule");
      return await rule.install(ports);
    },
    stranger: (ports) => rule.stranger(ports),
    async block() {
      if (last !== undefined) throw last;
      return await rule.block();
    },
    async remove() {
      await look("remove the rule");
      return await rule.remove();
    },
    async verify() {
      await look("look after the rule");
      return await rule.verify();
    },
    async repair() {
      await look("repair the rule");
      return await rule.repair();
    },
  };
}
