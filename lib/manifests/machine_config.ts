/**
 * The MachineConfig that brings the proxy to every node of a pool, and its two
 * units: one runs the proxy's container, the other, the gate, holds back kubelet
 * and whoever else reads the metadata until this node shows the emulated region.
 *
 * @module
 */
import { refuse, type SourcedValue } from "../cli/options.ts";
import {
  DOCUMENTATION,
  labels,
  type LeavingRule,
  MAX_DESCRIPTORS,
  MAX_MEMORY_MIB,
  OOM_SCORE,
  restartLines,
} from "./unit_settings.ts";

/** The Ignition version that every OpenShift from 4.7 on takes. */
const IGNITION = "3.2.0";

/** The pools that every cluster has. */
export const DEFAULT_POOLS: readonly string[] = ["master", "worker"];

/** A DNS label: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads the name of a pool, which is the role of its machine configs.
 *
 * @throws {UsageError} for what is no DNS label
 */
export function parsePool(given: SourcedValue): string {
  if (LABEL.test(given.text)) return given.text;
  return refuse(given, "the name of a pool, such as worker");
}

/** Names a pool's machine config; 99 comes after what the cluster ships. */
export function machineConfigName(pool: string): string {
  return `99-${pool}-c2s-imds`;
}

/**
 * Makes the MachineConfig of one pool. It holds units and nothing else: the
 * executable would not fit in, and the container needs no file.
 *
 * @param pool the pool's name
 * @param parts what its units are made from
 */
export function machineConfig(pool: string, parts: NodeParts): unknown {
  return {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfig",
    metadata: {
      labels: {
        "machineconfiguration.openshift.io/role": pool,
        ...labels("proxy"),
      },
      name: machineConfigName(pool),
    },
    spec: {
      config: {
        ignition: { version: IGNITION },
        systemd: {
          units: [gateUnit(parts), proxyUnit(parts)],
        },
      },
    },
  };
}

/** What the units are made from, all of it free of what a unit would read. */
export interface NodeParts {
  /** The image's reference. */
  readonly image: string;
  /** The program's arguments for the proxy, the subcommand included. */
  readonly serve: readonly string[];
  /** The flags of `check` that go with them. */
  readonly check: readonly string[];
  /** What they make of the rule at the end. */
  readonly leaving: LeavingRule;
}

/** A unit as Ignition takes it. */
export interface NodeUnit {
  /** Its file name. */
  readonly name: string;
  /** Whether it starts at boot. */
  readonly enabled: true;
  /** Its text. */
  readonly contents: string;
}

/** The container's name. */
const CONTAINER = "c2s-imds";

/** The pull secret of the node. */
const PULL_SECRET = "/var/lib/kubelet/config.json";

/** Whoever finds this file at boot passes the gate; /run is empty then. */
const OPENED = "/run/c2s-imds-open";

/**
 * What the parent needs: NET_ADMIN for the rule, SETUID and SETGID to start the
 * proxy as its user, KILL to end it. The image has the nft backend only, which
 * does without NET_RAW.
 */
export const CAPABILITIES: readonly string[] = [
  "NET_ADMIN",
  "SETUID",
  "SETGID",
  "KILL",
];

/**
 * Services that read the metadata before kubelet does, or for it. The first two
 * that read it for kubelet keep what they read for good.
 */
const READERS: readonly string[] = [
  "afterburn.service",
  "aws-kubelet-nodename.service",
  "aws-kubelet-providerid.service",
  "kubelet.service",
];

/**
 * The unit that pulls the image and runs the proxy. Nothing is ordered behind
 * it: a pull that goes on for ever must not stand behind a gate that was
 * opened by hand.
 */
export function proxyUnit({ image, serve, leaving }: NodeParts): NodeUnit {
  const contents = `[Unit]
Description=Shows the emulated region on this node (c2s-imds)
${DOCUMENTATION}
# Not network-online.target, which waits for those who read the metadata.
Wants=NetworkManager-wait-online.service crio-wipe.service
After=NetworkManager-wait-online.service crio-wipe.service
StartLimitIntervalSec=0

[Service]
# For the pull only, the container does not get it.
EnvironmentFile=-/etc/mco/proxy.env
ExecStartPre=/bin/sh -c 'until podman image exists ${image} || podman pull --quiet --authfile=${PULL_SECRET} ${image}; do sleep 5; done'
ExecStart=/usr/bin/podman run --rm --replace --name=${CONTAINER} \\
  --net=host --http-proxy=false --read-only \\
  --cap-drop=all --cap-add=${CAPABILITIES.join(",")} \\
  --security-opt=label=disable --security-opt=no-new-privileges \\
  --ulimit=nofile=${MAX_DESCRIPTORS}:${MAX_DESCRIPTORS} \\
  --memory=${MAX_MEMORY_MIB}m --oom-score-adj=${OOM_SCORE} \\
  ${image} \\
  ${serve.join(" ")}
ExecReload=/usr/bin/podman kill --signal=HUP ${CONTAINER}
# Stopped, it leaves the rule in place: clients are refused.
# To have the real service back, stop it and run:
#   ${removal(image)}
ExecStop=/usr/bin/podman stop --ignore --time=20 ${CONTAINER}
TimeoutStartSec=infinity
TimeoutStopSec=30
KillMode=mixed
${restartLines(leaving, `/usr/bin/${removal(image)}`)}OOMPolicy=continue
OOMScoreAdjust=${OOM_SCORE}

[Install]
WantedBy=multi-user.target
`;
  return { name: "c2s-imds.service", enabled: true, contents };
}

/** What takes the rule away once the proxy's unit is stopped. */
export function removal(image: string): string {
  return "podman run --rm --net=host --cap-drop=all --cap-add=NET_ADMIN " +
    `--security-opt=label=disable ${image} iptables remove`;
}

/**
 * The gate. It loops because a start that failed would let everyone behind it
 * go on. The readers want it rather than require it: the machine-config
 * operator may leave links behind when it takes a unit away, and a required
 * unit that is gone keeps kubelet down for good (OCPBUGS-33694).
 */
export function gateUnit({ check }: NodeParts): NodeUnit {
  const contents = `[Unit]
Description=Holds kubelet until this node shows the emulated region (c2s-imds)
${DOCUMENTATION}
# journalctl -u c2s-imds tells what it waits for: most likely the image.
# To start kubelet without the emulated region, until the next boot:
#   touch ${OPENED}
Wants=c2s-imds.service
# Before that, podman would meddle with what crio-wipe removes.
After=crio-wipe.service
Before=${
    [...READERS.slice(0, -1), "kubelet-dependencies.target", "kubelet.service"]
      .join(" ")
  }

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'until [ -e ${OPENED} ] || podman exec ${CONTAINER} c2s-imds check --wait=30 ${
    check.join(" ")
  }; do sleep 1; done'
TimeoutStartSec=infinity
OOMScoreAdjust=-1000

[Install]
WantedBy=multi-user.target ${READERS.join(" ")}
`;
  return { name: "c2s-imds-gate.service", enabled: true, contents };
}
