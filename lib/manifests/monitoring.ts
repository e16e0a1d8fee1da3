/**
 * What lets a cluster's Prometheus scrape the DaemonSet, and what it alerts of.
 * OpenShift's parts: its service CA makes the certificate, its platform
 * monitoring asks.
 *
 * @module
 */
import { labels, NAME, SELECTOR } from "./unit_settings.ts";
import alerts from "./alerts.json" with { type: "json" };

/** Lets in who may ask for metrics; OpenShift's release has one of its own. */
export const RBAC_PROXY_IMAGE = "quay.io/brancz/kube-rbac-proxy:v0.19.1";

/** What monitoring needs to know. */
export interface Monitoring {
  /** Where the administrators' endpoint listens. */
  readonly admin: string;
  /** The image of kube-rbac-proxy. */
  readonly image: string;
}

/**
 * A port of the node, of those that OpenShift opens between nodes (9000 to
 * 9999), which nobody else has there:
 * https://github.com/openshift/enhancements/blob/master/dev-guide/host-port-registry.md
 */
const PORT = 9254;

/** The Secret with the certificate, which OpenShift makes for the Service. */
const TLS = `${NAME}-tls`;

/** Who asks: the Prometheus of OpenShift's platform monitoring. */
const PROMETHEUS = {
  kind: "ServiceAccount",
  name: "prometheus-k8s",
  namespace: "openshift-monitoring",
};

const RBAC = "rbac.authorization.k8s.io";

const METADATA = {
  name: NAME,
  namespace: NAME,
  labels: labels("monitoring"),
} as const;

/** The label of namespaces that the platform's Prometheus looks at. */
export const MONITORED: Readonly<Record<string, string>> = {
  "openshift.io/cluster-monitoring": "true",
};

/** The objects beside the DaemonSet, in the order they are to be created in. */
export function monitoringObjects(): readonly unknown[] {
  return [
    // kube-rbac-proxy asks the API who a token is of, and what they may do.
    binding("ClusterRole", "auth-delegator", "system:auth-delegator", {
      kind: "ServiceAccount",
      name: NAME,
      namespace: NAME,
    }),
    ...grant("ClusterRole", "metrics", [
      { nonResourceURLs: ["/metrics"], verbs: ["get"] },
    ]),
    ...grant("Role", "targets", [
      reading("", "services", "endpoints", "pods"),
      reading("discovery.k8s.io", "endpointslices"),
    ]),
    service(),
    serviceMonitor(),
    {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PrometheusRule",
      metadata: METADATA,
      spec: alerts,
    },
  ];
}

type RoleKind = "Role" | "ClusterRole";

/** A role, and what gives it to Prometheus. */
function grant(kind: RoleKind, suffix: string, rules: readonly unknown[]) {
  const metadata = metadataOf(kind, suffix);
  return [
    { apiVersion: `${RBAC}/v1`, kind, metadata, rules },
    binding(kind, suffix, metadata.name, PROMETHEUS),
  ];
}

function reading(group: string, ...resources: readonly string[]) {
  return { apiGroups: [group], resources, verbs: ["get", "list", "watch"] };
}

function binding(
  kind: RoleKind,
  suffix: string,
  name: string,
  subject: unknown,
) {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: `${kind}Binding`,
    metadata: metadataOf(kind, suffix),
    roleRef: { apiGroup: RBAC, kind, name },
    subjects: [subject],
  };
}

/** What belongs to no namespace is told apart by its name alone. */
function metadataOf(kind: RoleKind, suffix: string) {
  const { namespace, ...rest } = { ...METADATA, name: `${NAME}-${suffix}` };
  return kind === "Role" ? { ...rest, namespace } : rest;
}

function service() {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...METADATA,
      annotations: {
        "service.beta.openshift.io/serving-cert-secret-name": TLS,
      },
    },
    spec: {
      clusterIP: "None",
      selector: SELECTOR,
      ports: [{ name: "metrics", port: PORT, targetPort: "metrics" }],
    },
  };
}

function serviceMonitor() {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: METADATA,
    spec: {
      selector: { matchLabels: SELECTOR },
      endpoints: [{
        port: "metrics",
        scheme: "https",
        interval: "30s",
        bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
        tlsConfig: {
          caFile:
            "/etc/prometheus/configmaps/serving-certs-ca-bundle/service-ca.crt",
          serverName: `${NAME}.${NAME}.svc`,
        },
        // A node is found by its name, whatever its address is.
        relabelings: [{
          sourceLabels: ["__meta_kubernetes_pod_node_name"],
          targetLabel: "instance",
        }],
      }],
    },
  };
}

/** The container beside the proxy's, the only one that may ask the API. */
export function rbacProxy({ admin, image }: Monitoring): unknown {
  return {
    name: "kube-rbac-proxy",
    image,
    imagePullPolicy: "IfNotPresent",
    args: [
      `--secure-listen-address=[$(NODE_IP)]:${PORT}`,
      `--upstream=http://${admin}/`,
      "--allow-paths=/metrics",
      "--tls-cert-file=/etc/tls/private/tls.crt",
      "--tls-private-key-file=/etc/tls/private/tls.key",
    ],
    env: [{
      name: "NODE_IP",
      valueFrom: { fieldRef: { fieldPath: "status.hostIP" } },
    }],
    ports: [{ name: "metrics", containerPort: PORT, hostPort: PORT }],
    resources: {
      requests: { cpu: "1m", memory: "15Mi" },
      limits: { memory: "64Mi" },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65_534,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [
      { name: "tls", mountPath: "/etc/tls/private", readOnly: true },
      {
        name: "token",
        mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
        readOnly: true,
      },
    ],
  };
}

/** What that container mounts. */
export function rbacProxyVolumes(): readonly unknown[] {
  return [
    // The proxy starts without it: OpenShift makes it a little later.
    { name: "tls", secret: { secretName: TLS, optional: true } },
    {
      name: "token",
      projected: {
        sources: [
          { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
          {
            configMap: {
              name: "kube-root-ca.crt",
              items: [{ key: "ca.crt", path: "ca.crt" }],
            },
          },
        ],
      },
    },
  ];
}
