/**
 * The status of the rule as text and as JSON.
 *
 * @module
 */
import { oneLine } from "../cli/message.ts";
import {
  familyName,
  loopback,
  renderDestination,
  type Rule,
} from "../rule/rule.ts";
import type { Status } from "../rule/status.ts";
import { EXIT, type ExitCode } from "../cli/command.ts";

const CODES: Readonly<Record<Status["state"], ExitCode>> = {
  installed: EXIT.OK,
  absent: EXIT.FAILED,
  drift: EXIT.DRIFT,
  unknown: EXIT.CANNOT_TELL,
};

/** The code that a status ends with. */
export function exitCodeOf(status: Status): ExitCode {
  return CODES[status.state];
}

/** What a rule does, for people. */
export function renderRule(rule: Rule): string {
  const { family, port, uid } = rule;
  const what = port === undefined
    ? "is refused"
    : `goes to ${loopback(family, port)}`;
  return `${renderDestination(rule)} ${what}, except from uid ${uid}`;
}

/**
 * The status for people: the word, then one indented line a fact; where it
 * cannot be told, the reason alone.
 */
export function renderStatus(status: Status): string {
  if (status.state === "unknown") return `${oneLine(status.reason)}\n`;
  const lines = [
    `backend: ${status.backend}`,
    ...status.expected.map((rule) => `expected: ${renderRule(rule)}`),
    ...status.differences.map((text) => `differs: ${text}`),
    ...status.found.flatMap(({ backend, family, rules }) =>
      rules.map((rule) => `${familyName(family)}, ${backend}: ${rule}`)
    ),
    ...[...status.unguarded, ...status.warnings].map((text) =>
      `warning: ${text}`
    ),
  ];
  return [status.state, ...lines.map((line) => `  ${oneLine(line)}`), ""]
    .join("\n");
}

/** The status for programs: one JSON object on one line. */
export function renderStatusJson(status: Status): string {
  return `${JSON.stringify(status)}\n`;
}
