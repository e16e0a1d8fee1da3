/**
 * What is worth an alert.
 *
 * @module
 */

/** What its alerts select the proxies by, the name of their Service. */
const JOB = `job="c2s-imds"`;

/**
 * An alert: its name, when it is raised, for how long that must hold, how bad
 * it is, and what it means.
 */
type Alert = readonly [
  name: string,
  expr: string,
  hold: string,
  severity: "critical" | "warning",
  summary: string,
];

const ALERTS: readonly Alert[] = [
  [
    "C2sImdsDown",
    `up{${JOB}} == 0`,
    "2m",
    "critical",
    "Metrics cannot be had: maybe nobody shows this node the emulated region",
  ],
  [
    "C2sImdsRuleMissing",
    "c2s_imds_rule_in_place == 0",
    "1m",
    "critical",
    "Clients on this node do not reach the proxy by the rule",
  ],
  [
    "C2sImdsRuleContested",
    "increase(c2s_imds_rule_repairs_total[1h]) > 3",
    "0m",
    "warning",
    "Something on this node takes the rule away",
  ],
  [
    "C2sImdsRuleFailing",
    "increase(c2s_imds_rule_failures_total[10m]) > 0",
    "0m",
    "warning",
    "The rule cannot be looked at or changed, see the log",
  ],
  [
    "C2sImdsLoop",
    "increase(c2s_imds_loops_total[10m]) > 0",
    "0m",
    "critical",
    "The rule does not exempt the proxy's user",
  ],
  [
    "C2sImdsUpstreamFailing",
    "sum without (fault) (increase(c2s_imds_upstream_failures_total[10m])) > 5",
    "0m",
    "warning",
    "The metadata service fails requests of this node",
  ],
  [
    "C2sImdsRestarting",
    "changes(c2s_imds_start_time_seconds[15m]) > 2",
    "0m",
    "warning",
    "The proxy dies again and again",
  ],
];

/** The alerts as a Prometheus reads them from a file. */
export function alertGroups(): { readonly groups: readonly unknown[] } {
  const rules = ALERTS.map(([alert, expr, hold, severity, summary]) => ({
    alert,
    expr,
    for: hold,
    labels: { severity },
    annotations: { summary: `${summary} ({{ $labels.instance }})` },
  }));
  return { groups: [{ name: "c2s-imds", rules }] };
}
