/**
 * All that `iptables status` tells, as one value.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { chooseBackend } from "./backend.ts";
import { type DirectClient, findDirectClients } from "./clients.ts";
import { NetfilterError } from "./failure.ts";
import type { Backend, BackendChoice, Family, Rule } from "./rule.ts";
import { survey } from "./survey.ts";
import { findTools } from "./find_tools.ts";
import { judge, linesOf, type RuleState } from "./verdict.ts";

/** Rules of ours in one place. */
export interface FoundRules {
  /** The backend. */
  readonly backend: Backend;
  /** The family. */
  readonly family: Family;
  /** The rules as the backend's program shows them. */
  readonly rules: readonly string[];
}

/** How things stand. */
export type Status = {
  /** In a word. */
  readonly state: RuleState;
  /** Where the rule is expected. */
  readonly backend: Backend;
  /** What is expected there. */
  readonly expected: readonly Rule[];
  /** What differs, each with what is there. */
  readonly differences: readonly string[];
  /** Every rule of ours, in every backend. */
  readonly found: readonly FoundRules[];
  /** What else is worth knowing. */
  readonly warnings: readonly string[];
  /** Clients that go direct although the rule is there. */
  readonly directClients: readonly DirectClient[];
} | {
  /** It cannot be told. */
  readonly state: "unknown";
  /** Why not, in one line. */
  readonly reason: string;
};

/**
 * Finds out how things stand. Changes nothing.
 *
 * @param choice the backend that is expected
 * @param expected the rules that are expected, at most one a family
 */
export async function readStatus(
  choice: BackendChoice,
  expected: readonly Rule[],
  run: Runner,
): Promise<Status> {
  try {
    const tools = await findTools(run);
    const backend = await chooseBackend(
      choice,
      tools,
      run,
      "tell whether the rule is installed",
    );
    const { seen, warnings } = await survey({ run, tools }, backend, expected);
    const { state, differences } = judge(backend, expected, seen);
    const found = seen.map((one) => ({
      backend: one.backend,
      family: one.family,
      rules: linesOf(one),
    })).filter(({ rules }) => rules.length > 0);
    const [first] = expected;
    const directClients = state === "absent" || first === undefined
      ? []
      : await findDirectClients(expected, first.uid, run);
    return {
      state,
      backend,
      expected,
      differences,
      found,
      warnings,
      directClients,
    };
  } catch (error) {
    if (!(error instanceof NetfilterError)) throw error;
    return { state: "unknown", reason: error.message };
  }
}
