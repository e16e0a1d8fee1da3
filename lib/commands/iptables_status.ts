/**
 * The status of the rule as text and as JSON.
 *
 * @module
 */
import { oneLine } from "../config/usage_error.ts";
import { loopback, renderDestination, type Rule } from "../netfilter/rule.ts";
import type { Status } from "../netfilter/status.ts";
import { familyName } from "../netfilter/verdict.ts";
import { EXIT, type ExitCode } from "./command.ts";

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
  return `${renderDestination(rule)} goes to ${
    loopback(rule)
  }, except from uid ${rule.uid}`;
}

/**
 * The status for people: the word, then one indented line a fact; where it
 * cannot be told, the reason alone.
 */
export function renderStatus(status: Status): string {
  if (status.state === "unknown") return `${oneLine(status.reason)}\n`;
  const { directClients } = status;
  const lines = [
    `backend: ${status.backend}`,
    ...status.expected.map((rule) => `expected: ${renderRule(rule)}`),
    ...status.differences.map((text) => `differs: ${text}`),
    ...status.found.flatMap(({ backend, family, rules }) =>
      rules.map((rule) => `${familyName(family)}, ${backend}: ${rule}`)
    ),
    ...status.warnings.map((text) => `warning: ${text}`),
    ...directClients.map((client) =>
      `still direct: ${
        client.processes.join(", ") || "a process"
      } of uid ${client.uid}, from ${client.local} port ${client.localPort} since before the rule`
    ),
    ...directClients.length === 0 ? [] : [`cure: ${cure(status.expected)}`],
  ];
  return [status.state, ...lines.map((line) => `  ${oneLine(line)}`), ""]
    .join("\n");
}

/** How clients that were there before the rule come under it. */
export function cure(rules: readonly Rule[]): string {
  const commands = rules.map((rule) =>
    `conntrack -D -p tcp --orig-dst ${rule.address} --dport ${rule.addressPort}`
  );
  return `restart the client, or close its connections with ${
    commands.join(" and ")
  }`;
}

/** The status for programs: one JSON object on one line. */
export function renderStatusJson(status: Status): string {
  if (status.state === "unknown") return `${JSON.stringify(status)}\n`;
  const { directClients, ...others } = status;
  return `${
    JSON.stringify({
      ...others,
      directClients,
      ...directClients.length === 0 ? {} : { cure: cure(status.expected) },
    })
  }\n`;
}
