/**
 * The program of `judges/`, built once and kept outside the checkout, as Go
 * keeps what it is built from.
 *
 * @module
 */
import type { RunResult } from "../../lib/system/runner.ts";
import { run } from "../../deploy/build.ts";
import { runToEnd } from "../helpers/plain_runner.ts";
import type { Need } from "../helpers/requires.ts";

/** What it takes to build it. */
export const GO: readonly Need[] = [{ command: "go", from: "go.dev" }];

const SOURCE = new URL("judges", import.meta.url).pathname;

/** The definitions of custom resources, by the module that has them. */
const DEFINITIONS: readonly (readonly [module: string, file: string])[] = [
  [
    "github.com/openshift/api",
    "machineconfiguration/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfigs.crd.yaml",
  ],
  ...["servicemonitors", "prometheusrules"].map((kind) =>
    [
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
  /** What the machine configs of a pool become. */
  render(configs: readonly unknown[]): Promise<RunResult>;
}

/** Builds them, unless Go has what they are built from. */
export async function judges(): Promise<Judges> {
  const caches = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  const program = `${caches}/c2s-imds/judges`;
  const go = (...args: string[]) => run("go", "-C", SOURCE, ...args);
  await go("build", "-ldflags=-s -w", "-o", program, ".");
  const files = await Promise.all(
    DEFINITIONS.map(async ([module, file]) =>
      `${await go("list", "-m", "-f", "{{.Dir}}", module)}/${file}`
    ),
  );
  return {
    create: (yaml) => runToEnd([program, "create", ...files], yaml),
    kustomize: (folder) => runToEnd([program, "kustomize", folder]),
    render: (configs) => runToEnd([program, "render"], JSON.stringify(configs)),
  };
}
