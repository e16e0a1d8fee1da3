/**
 * The MachineConfig that brings the proxy to every node of a pool.
 *
 * @module
 */
import { refuse, type SourcedValue } from "../cli/options.ts";
import { gateUnit, type NodeParts, proxyUnit } from "./node_units.ts";

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
      labels: { "machineconfiguration.openshift.io/role": pool },
      name: machineConfigName(pool),
    },
    spec: {
      config: {
        ignition: { version: IGNITION },
        systemd: {
          units: [gateUnit(parts), proxyUnit(parts)].map((unit) => ({
            name: unit.name,
            enabled: true,
            contents: unit.contents,
          })),
        },
      },
    },
  };
}
