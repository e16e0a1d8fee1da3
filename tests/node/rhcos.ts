/**
 * What a node of OpenShift has of its own: the units that read the metadata,
 * with RHCOS's names and orders, and what a pull needs.
 *
 * @module
 */

/** A unit as Ignition takes it. */
interface Unit {
  readonly name: string;
  readonly enabled?: boolean;
  readonly contents: string;
}

/** What the site gives the node. */
export interface Given {
  /** Where images are pulled from, `HOST:PORT`. */
  readonly registry: string;
  /** The registry's CA, as PEM. */
  readonly ca: string;
  /** `USER:PASSWORD` for the registry. */
  readonly login: string;
  /** The HTTP proxy that leads to it. */
  readonly proxy: string;
}

const READER = "/usr/bin/python3 /usr/local/bin/reader.py";

const ZONE = "/latest/meta-data/placement/availability-zone";

/** Where the path of the region is asked for by who goes on asking. */
const FOREVER = "/latest/meta-data/placement/region --forever";

/** A unit that runs to its end once a boot. */
function once(
  description: string,
  order: string,
  command: string,
  wantedBy: string,
): string {
  return `[Unit]
Description=${description}
${order}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${command}

[Install]
WantedBy=${wantedBy}
`;
}

/** A unit that goes on. */
function always(description: string, unit: string, command: string): string {
  return `[Unit]
Description=${description}
${unit}

[Service]
ExecStart=${command}
Restart=always
# A node's own clients are the last to be killed.
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`;
}

/** Keeps what it wrote on the first boot, as the units of RHCOS do. */
function nodeEnv(key: string, value: string): string {
  return `/bin/sh -ec 'grep -qs ^${key}= /etc/kubernetes/node.env || { value=${value}; echo ${key}=$value >>/etc/kubernetes/node.env; }'`;
}

const EARLY =
  "After=NetworkManager-wait-online.service\nBefore=kubelet.service";

const UNITS: readonly Unit[] = [
  {
    name: "NetworkManager-wait-online.service",
    enabled: true,
    contents: once(
      "Network Manager Wait Online",
      "Before=network-online.target",
      "/bin/sh -c 'until ip route get 169.254.169.254; do sleep 0.1; done'",
      "network-online.target",
    ),
  },
  {
    name: "crio-wipe.service",
    enabled: true,
    // After an upgrade of CRI-O, images are gone.
    contents: once(
      "CRI-O Auto Update Script",
      "RequiresMountsFor=/var/lib/containers",
      "/bin/sh -c 'if [ -e /var/lib/wipe ]; then rm -rf /var/lib/containers/storage/* /var/lib/wipe; fi'",
      "multi-user.target",
    ),
  },
  {
    name: "afterburn.service",
    enabled: true,
    contents: once(
      "Afterburn (Metadata)",
      "Wants=network-online.target\nAfter=network-online.target",
      "/usr/bin/afterburn --provider=aws --attributes=/run/metadata/afterburn",
      "multi-user.target",
    ),
  },
  {
    name: "aws-kubelet-nodename.service",
    enabled: true,
    contents: once(
      "Fetch kubelet node name from AWS Metadata",
      EARLY,
      nodeEnv(
        "KUBELET_NODE_NAME",
        `$(${READER} nodename /latest/meta-data/local-hostname)`,
      ),
      "network-online.target",
    ),
  },
  {
    name: "aws-kubelet-providerid.service",
    enabled: true,
    contents: once(
      "Fetch kubelet provider id from AWS Metadata",
      EARLY,
      nodeEnv(
        "KUBELET_PROVIDERID",
        `aws:///$(${READER} providerid ${ZONE})/i-0`,
      ),
      "network-online.target",
    ),
  },
  {
    name: "kubelet-dependencies.target",
    contents: `[Unit]
Description=Dependencies necessary to run kubelet
Requires=basic.target network-online.target
Wants=NetworkManager-wait-online.service crio-wipe.service
`,
  },
  {
    name: "kubelet.service",
    enabled: true,
    contents: always(
      "Kubernetes Kubelet",
      "Requires=kubelet-dependencies.target\nAfter=kubelet-dependencies.target network-online.target",
      `${READER} kubelet ${FOREVER}`,
    ),
  },
  {
    // What nothing holds back.
    name: "hasty.service",
    enabled: true,
    contents: always("A client in a hurry", "", `${READER} hasty ${FOREVER}`),
  },
];

/** Root of a test's machine may lack CAP_SYS_RESOURCE. */
const CONTAINERS = `[containers]
default_ulimits=[]
keyring=false
[engine.runtimes]
crun=["/usr/local/bin/runtime.py"]
`;

/**
 * The configuration of a node.
 *
 * @param given what the site gives it
 * @param merged the configuration that Ignition merges into it
 */
export function baseConfig(
  { registry, ca, login, proxy }: Given,
  merged: unknown,
): unknown {
  const source = (text: string) => `data:,${encodeURIComponent(text)}`;
  const file = (path: string, text: string, mode = 0o644) => ({
    path,
    mode,
    overwrite: true,
    contents: { source: source(text) },
  });
  return {
    ignition: {
      version: "3.2.0",
      config: { merge: [{ source: source(JSON.stringify(merged)) }] },
    },
    storage: {
      directories: [{ path: "/etc/kubernetes", mode: 0o755 }],
      files: [
        ...["reader.py", "runtime.py"].map((name) =>
          file(
            `/usr/local/bin/${name}`,
            Deno.readTextFileSync(new URL(name, import.meta.url)),
            0o755,
          )
        ),
        file("/etc/containers/containers.conf", CONTAINERS),
        file(
          "/var/lib/kubelet/config.json",
          JSON.stringify({ auths: { [registry]: { auth: btoa(login) } } }),
          0o600,
        ),
        file(`/etc/containers/certs.d/${registry}/ca.crt`, ca),
        file("/etc/mco/proxy.env", `HTTPS_PROXY=http://${proxy}\n`),
      ],
    },
    systemd: { units: UNITS },
  };
}
