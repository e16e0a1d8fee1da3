/**
 * The programs of `judges/` and `operator/`, built once and kept outside the
 * checkout, as Go keeps what they are built from.
 *
 * @module
 */
import type { RunResult } from "../../lib/system/runner.ts";
import { run } from "../../deploy/build.ts";
import { runToEnd } from "../helpers/plain_runner.ts";
import type { Need } from "../helpers/requires.ts";

/** What it takes to build them. */
export const GO: readonly Need[] = [{ command: "go", from: "go.dev" }];

/** The definitions of custom resources, by the module that has them. */
const DEFINITIONS: readonly (readonly [
  program: "judges" | "operator",
  module: string,
  file: string,
])[] = [
  [
    "operator",
    "github.com/openshift/api",
    "machineconfiguration/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfigs.crd.yaml",
  ],
  ...["servicemonitors", "prometheusrules"].map((kind) =>
    [
      "judges",
      "github.com/prometheus-operator/prometheus-operator",
      `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
    ] as const
  ),
];

/** The judges. */
export interface Judges {
  /** What the API server says to the objects of a text, before it stores them. */
  create(yaml: string): Promise<RunResult>;
  /** What kustomize makes of a folder. */
  kustomize(folder: string): Promise<RunResult>;
  /** What GitHub Actions say to files of workflows, as actionlint knows. */
  workflows(files: readonly string[]): Promise<RunResult>;
  /** What the machine-config operator makes of a pool's machine configs. */
  render(configs: readonly unknown[]): Promise<RunResult>;
}

/** Calls Go on one of the two programs. */
function go(program: string, ...args: readonly string[]): Promise<string> {
  const source = new URL(program, import.meta.url).pathname;
  return run("go", "-C", source, ...args);
}

/** Builds them, unless Go has what they are built from. */
export async function judges(): Promise<Judges> {
  const caches = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  const folder = `${caches}/c2s-imds/api`;
  for (const program of ["judges", "operator"]) {
    const file = `${folder}/${program}`;
    await go(program, "build", "-ldflags=-s -w", "-o", file, ".");
  }
  const files = await Promise.all(
    DEFINITIONS.map(async ([program, module, file]) =>
      `${await go(program, "list", "-m", "-f", "{{.Dir}}", module)}/${file}`
    ),
  );
  const call = (args: readonly string[], input?: string) =>
    runToEnd([`${folder}/judges`, ...args], input);
  return {
    create: (yaml) => call(["create", ...files], yaml),
    kustomize: (path) => call(["kustomize", path]),
    workflows: (files) => call(["workflows", ...files]),
    render: (configs) =>
      runToEnd([`${folder}/operator`], JSON.stringify(configs)),
  };
}
