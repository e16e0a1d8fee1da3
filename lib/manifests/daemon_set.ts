/**
 * The DaemonSet for a cluster that runs already, with all that belongs to it.
 *
 * @module
 */
import { labels, MAX_MEMORY_MIB, NAME, SELECTOR } from "./unit_settings.ts";
import { CAPABILITIES, type NodeParts } from "./machine_config.ts";
import {
  MONITORED,
  type Monitoring,
  monitoringObjects,
  rbacProxy,
  rbacProxyVolumes,
} from "./monitoring.ts";

/** Kubernetes runs nothing after a container that has died. */
export interface PodParts extends Omit<NodeParts, "leaving"> {
  /** What a cluster's Prometheus needs, where that is wanted. */
  readonly monitoring?: Monitoring | undefined;
  /** A ConfigMap with `C2S_IMDS_…` variables for what is not an argument. */
  readonly variables?: string;
}

const LABELS = labels("proxy");

/**
 * Makes the objects, in the order they are to be created in.
 *
 * @param parts the image and the arguments
 */
export function daemonSetObjects(parts: PodParts): readonly unknown[] {
  return [
    namespace(parts),
    serviceAccount(),
    roleBinding(),
    daemonSet(parts),
    ...parts.monitoring ? monitoringObjects() : [],
  ];
}

function namespace({ monitoring }: PodParts) {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: NAME,
      labels: {
        ...LABELS,
        ...monitoring && MONITORED,
        "pod-security.kubernetes.io/audit": "privileged",
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/warn": "privileged",
        "security.openshift.io/scc.podSecurityLabelSync": "false",
      },
      // Else the cluster's default selector keeps it off some nodes.
      annotations: { "openshift.io/node-selector": "" },
    },
  };
}

function serviceAccount() {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: NAME, namespace: NAME, labels: LABELS },
    automountServiceAccountToken: false,
  };
}

/** The annotation on the pods names the SCC, this lets them use it. */
function roleBinding() {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: NAME, namespace: NAME, labels: LABELS },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "system:openshift:scc:privileged",
    },
    subjects: [{ kind: "ServiceAccount", name: NAME, namespace: NAME }],
  };
}

function daemonSet(parts: PodParts) {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: NAME, namespace: NAME, labels: LABELS },
    spec: {
      selector: { matchLabels: SELECTOR },
      updateStrategy: {
        type: "RollingUpdate",
        rollingUpdate: { maxUnavailable: "10%" },
      },
      template: {
        metadata: {
          labels: LABELS,
          annotations: { "openshift.io/required-scc": "privileged" },
        },
        spec: podSpec(parts),
      },
    },
  };
}

function podSpec(parts: PodParts) {
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    hostNetwork: true,
    // The node's own resolver: cluster DNS may need this pod first.
    dnsPolicy: "Default",
    // Else a Service called c2s-imds would set C2S_IMDS_… variables.
    enableServiceLinks: false,
    priorityClassName: "system-node-critical",
    nodeSelector: { "kubernetes.io/os": "linux" },
    tolerations: [{ operator: "Exists" }],
    // Longer than the 18 s that a stop may take: 8 s for the rule alone.
    terminationGracePeriodSeconds: 20,
    containers: [
      container(parts),
      ...parts.monitoring ? [rbacProxy(parts.monitoring)] : [],
    ],
    ...parts.monitoring && { volumes: rbacProxyVolumes() },
  };
}

function container({ image, serve, check, variables }: PodParts) {
  return {
    name: NAME,
    image,
    imagePullPolicy: "IfNotPresent",
    args: [...serve],
    ...variables && { envFrom: [{ configMapRef: { name: variables } }] },
    // No liveness probe: what fails because the metadata service is away must
    // not start the proxy again. A dead proxy is the parent's affair.
    readinessProbe: {
      exec: { command: ["c2s-imds", "check", "--wait=10", ...check] },
      periodSeconds: 60,
      timeoutSeconds: 15,
      failureThreshold: 2,
    },
    // With a request of 10m, answers took 5 s on a node whose CPUs were full.
    resources: {
      requests: { cpu: "100m", memory: "96Mi" },
      limits: { memory: `${MAX_MEMORY_MIB}Mi` },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: [...CAPABILITIES] },
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      runAsNonRoot: false,
      // container_t may not change rules.
      seLinuxOptions: { type: "spc_t" },
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}
