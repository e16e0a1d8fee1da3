/**
 * Alerts and dashboard, judged by Prometheus itself.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import alerts from "../../lib/manifests/alerts.json" with { type: "json" };
import { daemonSetObjects } from "../../lib/manifests/daemon_set.ts";
import { createFolder, REPOSITORY, sourceFiles } from "../helpers/files.ts";
import { createNode, NODE_NEEDS, until } from "../helpers/node.ts";
import { runToEnd } from "../helpers/plain_runner.ts";
import { testWith } from "../helpers/requires.ts";

const PROMETHEUS = [
  { command: "promtool", from: "prometheus" },
  { command: "prometheus", from: "prometheus" },
];

const RULES = new URL("deploy/monitoring/alerts.yaml", REPOSITORY).pathname;

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly containers: readonly {
    readonly name: string;
    readonly volumeMounts?: readonly { readonly name: string }[];
  }[];
  readonly volumes: readonly { readonly secret?: { optional: boolean } }[];
}

const ALERTS = alerts.groups.flatMap(({ rules }) => rules);

/** A healthy node, minute by minute. */
const HEALTHY = {
  'up{job="c2s-imds"}': "1x20",
  "c2s_imds_rule_in_place": "1x20",
  "c2s_imds_rule_repairs_total": "0x20",
  "c2s_imds_rule_failures_total": "0x20",
  "c2s_imds_loops_total": "0x20",
  'c2s_imds_upstream_failures_total{fault="late"}': "0x20",
  'c2s_imds_upstream_failures_total{fault="broken"}': "0x20",
  "c2s_imds_start_time_seconds": "7x20",
};

type Series = Partial<Record<keyof typeof HEALTHY, string>>;

/** What is raised after ten minutes, by what has happened until then. */
const CASES: readonly (readonly [raised: string, series: Series])[] = [
  ["", {}],
  ["C2sImdsDown", { 'up{job="c2s-imds"}': "1x7 0x12" }],
  ["", { 'up{job="c2s-imds"}': "1x8 0x12" }],
  ["C2sImdsRuleMissing", { "c2s_imds_rule_in_place": "1x8 0x11" }],
  ["", { "c2s_imds_rule_in_place": "1x5 0 1x11" }],
  ["C2sImdsRuleContested", { "c2s_imds_rule_repairs_total": "0x2 1+1x17" }],
  ["", { "c2s_imds_rule_repairs_total": "0x5 1x14" }],
  ["C2sImdsRuleFailing", { "c2s_imds_rule_failures_total": "0x5 1x14" }],
  ["C2sImdsLoop", { "c2s_imds_loops_total": "0x5 1x14" }],
  ["C2sImdsUpstreamFailing", {
    'c2s_imds_upstream_failures_total{fault="late"}': "0x5 4x14",
    'c2s_imds_upstream_failures_total{fault="broken"}': "0x5 4x14",
  }],
  ["", { 'c2s_imds_upstream_failures_total{fault="late"}': "0x5 4x14" }],
  ["C2sImdsRestarting", { "c2s_imds_start_time_seconds": "1x5 2 3 4x12" }],
  ["", { "c2s_imds_start_time_seconds": "1x5 2x14" }],
];

const LABELS = { job: "c2s-imds", instance: "node-a" };

testWith(PROMETHEUS)(
  "each alert is raised by what it is about, and by nothing else",
  async () => {
    const raised = new Set(CASES.map(([alert]) => alert));
    assertEquals([...raised].filter(Boolean), ALERTS.map((it) => it.alert));
    const tests = CASES.map(([raised, series]) => ({
      interval: "1m",
      input_series: Object.entries({ ...HEALTHY, ...series }).map(
        ([name, values]) => {
          const [, metric, own = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(name) ?? [];
          const { instance, job } = LABELS;
          const labels = own.includes("job=") ? own : `job="${job}",${own}`;
          return {
            series: `${metric}{instance="${instance}",${labels}}`,
            values,
          };
        },
      ),
      alert_rule_test: ALERTS.map(({ alert, labels, annotations }) => ({
        eval_time: "10m",
        alertname: alert,
        exp_alerts: alert === raised
          ? [{
            exp_labels: { ...LABELS, ...labels },
            exp_annotations: {
              summary: annotations.summary
                .replace("{{ $labels.instance }}", LABELS.instance),
            },
          }]
          : [],
      })),
    }));
    await using folder = await createFolder();
    const file = `${folder.path}/tests.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({ rule_files: [RULES], tests }),
    );
    const { code, stdout, stderr } = await runToEnd(
      ["promtool", "test", "rules", file],
    );
    assertEquals(code, 0, stdout + stderr);
  },
);

Deno.test("docs/monitoring.md has every alert, and which are critical", () => {
  const [page] = sourceFiles("docs/monitoring.md");
  const listed = page?.text.matchAll(/^- `(C2sImds\w+)`(, critical)?:/gm) ?? [];
  assertEquals(
    Array.from(listed, ([, alert, critical]) => [alert, critical !== undefined])
      .sort(),
    ALERTS.map(({ alert, labels }) => [alert, labels.severity === "critical"])
      .sort(),
  );
});

Deno.test("kube-rbac-proxy alone has a token of the API, and no pod waits for its certificate", () => {
  const parts = { image: "a", serve: [], check: [] };
  const [, , , set] = daemonSetObjects({
    ...parts,
    monitoring: { admin: "127.0.0.1:4001", image: "b" },
  }) as readonly { spec: { template: { spec: PodSpec } } }[];
  const pod = set?.spec.template.spec;
  assertEquals(pod?.automountServiceAccountToken, false);
  assertEquals(
    pod?.containers.map(({ name, volumeMounts = [] }) => [
      name,
      ...volumeMounts.map((it) => it.name),
    ]),
    [["c2s-imds"], ["kube-rbac-proxy", "tls", "token"]],
  );
  const [tls] = pod?.volumes ?? [];
  assertEquals(tls?.secret?.optional, true);
});

/** The queries of the dashboard. */
function dashboardQueries(): readonly string[] {
  const [file] = sourceFiles("deploy/monitoring/dashboard.json");
  const { panels }: {
    readonly panels: readonly {
      readonly targets: readonly { readonly expr: string }[];
    }[];
  } = JSON.parse(file?.text ?? "");
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

testWith([...NODE_NEEDS, ...PROMETHEUS])(
  "the dashboard shows, and the alerts know, a proxy that Prometheus scrapes",
  async () => {
    await using node = await createNode();
    await using _program = await node.start(
      "serve --iptables --admin 127.0.0.1:4001",
    );
    await using folder = await createFolder();
    const config = `${folder.path}/prometheus.yaml`;
    await Deno.writeTextFile(
      config,
      JSON.stringify({
        global: { scrape_interval: "1s", evaluation_interval: "1s" },
        rule_files: [RULES],
        scrape_configs: [{
          job_name: "c2s-imds",
          static_configs: [{ targets: ["127.0.0.1:4001"] }],
        }],
      }),
    );
    node.namespace.spawn([
      "prometheus",
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder.path}/data`,
      "--web.listen-address=127.0.0.1:9090",
    ]);
    const get = async (path: string, query = "") => {
      const { stdout } = await node.namespace.run([
        ...["curl", "--silent", "--get", "--data-urlencode", `query=${query}`],
        `http://127.0.0.1:9090/api/v1/${path}`,
      ]);
      return stdout.startsWith("{") ? JSON.parse(stdout) : {};
    };
    const queries = dashboardQueries();
    assert(queries.length > 10);
    for (const query of queries) {
      await until(`an answer to ${query}`, async () => {
        const { status, data, error } = await get("query", query);
        assert(status !== "error", `${query}: ${error}`);
        return data?.result.length > 0;
      });
    }
    // Else `or vector(0)` would hide a wrong name.
    const { data: known } = await get("label/__name__/values");
    const named = [...queries, ...ALERTS.map(({ expr }) => expr)]
      .flatMap((text) => text.match(/\bc2s_imds_\w+/g) ?? []);
    assertEquals(named.filter((name) => !known.includes(name)), []);
    await until("every rule was evaluated", async () => {
      const { data } = await get("rules");
      const rules = data?.groups.flatMap((it: { rules: unknown[] }) =>
        it.rules
      );
      return rules?.length === ALERTS.length &&
        rules.every((it: { health: string; state: string }) =>
          it.health === "ok" && it.state === "inactive"
        );
    });
  },
);
