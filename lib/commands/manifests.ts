/**
 * `c2s-imds manifests`: what brings the proxy to nodes.
 *
 * @module
 */
import { stringify } from "@std/yaml";
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { UsageError } from "../cli/message.ts";
import { type Option, parseAction, renderOptions } from "../cli/options.ts";
import { daemonSetObjects } from "../manifests/daemon_set.ts";
import { hostUnit } from "../manifests/host_unit.ts";
import { type Image, parseImage } from "../manifests/image.ts";
import { RBAC_PROXY_IMAGE } from "../manifests/monitoring.ts";
import { planInstall, writeFile } from "../manifests/install_folder.ts";
import {
  DEFAULT_POOLS,
  machineConfig,
  machineConfigName,
  parsePool,
} from "../manifests/machine_config.ts";
import {
  KINDS,
  OTHER_WAYS,
  PASSED_ON,
  readSettings,
} from "./manifests_settings.ts";

const RBAC_PROXY = "rbac-proxy-image";

/** The options that are no options of `serve`. */
const OWN_OPTIONS: readonly Option[] = [
  {
    name: "image",
    value: "IMAGE",
    help: "The image, best by digest; required but for systemd",
    of: ["machineconfig", "daemonset"],
  },
  {
    name: "role",
    value: "POOL",
    repeatable: true,
    help: "A pool that gets a machineconfig",
    fallback: DEFAULT_POOLS.join(" and "),
    of: ["machineconfig"],
  },
  {
    name: "install-dir",
    value: "DIR",
    help: "Writes machineconfigs there instead of printing",
    of: ["machineconfig"],
  },
  {
    name: "monitoring",
    help: "Adds what OpenShift's Prometheus needs, and alerts",
    of: ["daemonset"],
  },
  {
    name: RBAC_PROXY,
    value: "IMAGE",
    help: "The kube-rbac-proxy of --monitoring",
    fallback: RBAC_PROXY_IMAGE,
    of: ["daemonset"],
  },
];

const SERVE_OPTIONS: readonly Option[] = [...PASSED_ON, ...OTHER_WAYS];

const OPTIONS: readonly Option[] = [...OWN_OPTIONS, ...SERVE_OPTIONS];

const HELP = `Usage: c2s-imds manifests machineconfig|daemonset|systemd [flags]

Prints what brings the proxy to nodes, each with serve --iptables.

  machineconfig  for OpenShift nodes from their first boot on, one for each pool
  daemonset      for a cluster that runs already
  systemd        a unit for a plain host with /usr/local/bin/c2s-imds

${renderOptions(OWN_OPTIONS)}

DIR is where openshift-install create manifests wrote to. These go on to serve,
as do --config and the original's flags:
${renderOptions(PASSED_ON)}

A machineconfig is always --on-stop keep.

Examples:
  c2s-imds manifests machineconfig --image example.com/c2s-imds@sha256:…
  c2s-imds manifests systemd --region us-east-1=us-iso-east-1
`;

/** The subcommand `manifests`. */
export const manifests: Command = {
  name: "manifests",
  summary: "Prints manifests for OpenShift, Kubernetes and systemd",
  help: HELP,
  options: OPTIONS,
  actions: KINDS,
  run: (args, io) => Promise.resolve(run(args, io)),
};

function run(args: readonly string[], io: Io): ExitCode {
  const { action: kind, values, value, isSet } = parseAction(
    args,
    OPTIONS,
    KINDS,
    "manifest",
  );
  const given = (name: string) => values.get(name) ?? [];
  const flags = SERVE_OPTIONS.flatMap(({ name }) =>
    given(name).map(({ text }) => `--${name}=${text}`)
  );
  const isMonitored = isSet("monitoring");
  if (!isMonitored && values.has(RBAC_PROXY)) {
    throw new UsageError(`Cannot use --${RBAC_PROXY} without --monitoring`);
  }
  const settings = () =>
    readSettings(flags, io.readTextFile, kind, isMonitored);
  if (kind === "systemd") {
    const { serve, leaving } = settings();
    io.stdout(hostUnit(serve, leaving));
    return EXIT.OK;
  }
  const [named] = given("image");
  if (named === undefined) {
    throw new UsageError(`No --image: ${kind} needs the image to run`);
  }
  const image = parseImage(named);
  const roles = given("role").map(parsePool);
  // A pool named twice gets its machine config once.
  const pools = roles.length === 0 ? DEFAULT_POOLS : [...new Set(roles)];
  const { admin = "", ...read } = settings();
  const parts = { image: image.reference, ...read };
  const [folder] = given("install-dir");
  if (folder === undefined) {
    warnOfImage(image, io);
    const guard = parseImage(value(RBAC_PROXY));
    if (isMonitored) warnOfImage(guard, io);
    const monitoring = isMonitored
      ? { admin, image: guard.reference }
      : undefined;
    const documents = kind === "daemonset"
      ? daemonSetObjects({ ...parts, monitoring })
      : pools.map((pool) => machineConfig(pool, parts));
    io.stdout(renderYaml(documents));
    return EXIT.OK;
  }
  const configs = new Map(pools.map((pool) => [
    machineConfigName(pool),
    renderYaml([machineConfig(pool, parts)]),
  ]));
  const changes = planInstall(folder.text, configs);
  warnOfImage(image, io);
  for (const { path, text, done } of changes) {
    if (text !== undefined) writeFile(path, text);
    io.stdout(`${done}\n`);
  }
  return EXIT.OK;
}

/**
 * Renders manifests as YAML: one document each, nothing folded and nothing shared.
 *
 * @param documents plain values
 */
export function renderYaml(documents: readonly unknown[]): string {
  return documents
    .map((one) => stringify(one, { lineWidth: -1, useAnchors: false }))
    .join("---\n");
}

function warnOfImage({ reference, pinned, registry }: Image, io: Io): void {
  if (registry === undefined) {
    io.stderr(
      `warning: ${reference} names no registry, and a node may not know which ` +
        "is meant: give HOST/PATH, such as quay.io/you/c2s-imds\n",
    );
  }
  if (pinned) return;
  io.stderr(
    `warning: ${reference} has no digest: nodes may end up with different ` +
      "images, and mirrors may know it by digest only\n",
  );
}
