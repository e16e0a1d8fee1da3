/**
 * `c2s-imds manifests`: what brings the proxy to nodes.
 *
 * @module
 */
import { renderOptions } from "../config/options.ts";
import { daemonSetObjects } from "../manifests/daemon_set.ts";
import { hostUnit } from "../manifests/host_unit.ts";
import type { Image } from "../manifests/image.ts";
import { planInstall } from "../manifests/install_folder.ts";
import {
  machineConfig,
  machineConfigName,
} from "../manifests/machine_config.ts";
import { renderYaml } from "../manifests/yaml.ts";
import { type Command, EXIT, type ExitCode, type Io } from "./command.ts";
import { openFolder } from "./install_files.ts";
import { OWN_OPTIONS, parseRequest } from "./manifests_options.ts";
import { PASSED_ON } from "./manifests_settings.ts";

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
  run: (args, io) => Promise.resolve(run(args, io)),
};

function run(args: readonly string[], io: Io): ExitCode {
  const request = parseRequest(args, io.readTextFile);
  const { settings } = request;
  if (request.kind === "systemd") {
    io.stdout(hostUnit(settings.serve, settings.leaving));
    return EXIT.OK;
  }
  const parts = { image: request.image.reference, ...settings };
  if (request.kind === "daemonset") {
    warnOfImage(request.image, io);
    io.stdout(renderYaml(daemonSetObjects(parts)));
    return EXIT.OK;
  }
  const { pools, installDir } = request;
  if (installDir === undefined) {
    warnOfImage(request.image, io);
    io.stdout(renderYaml(pools.map((pool) => machineConfig(pool, parts))));
  } else {
    const configs = pools.map((pool) =>
      [
        machineConfigName(pool),
        renderYaml([machineConfig(pool, parts)]),
      ] as const
    );
    install(installDir, new Map(configs), request.image, io);
  }
  return EXIT.OK;
}

function install(
  path: string,
  configs: ReadonlyMap<string, string>,
  image: Image,
  io: Io,
): void {
  const folder = openFolder(path);
  const changes = planInstall(folder, configs);
  warnOfImage(image, io);
  for (const change of changes) {
    if (change.text !== undefined) folder.write(change.path, change.text);
    io.stdout(`${change.done}\n`);
  }
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
