/**
 * What a node of OpenShift has of its own: the units that read the metadata,
 * with RHCOS's names and orders, and what a pull needs.
 *
 * @module
 */
import { HTTP_PROXY, LOGIN, REGISTRY } from "./site.ts";

const READER = "/usr/bin/python3 /usr/local/bin/reader.py";

/** Who goes on asking asks for this. */
const FOREVER = "/latest/meta-data/placement/region --forever";

/** What runs to its end, once a boot. */
const ONCE = "Type=oneshot\nRemainAfterExit=yes";

/** Keeps what it wrote on the first boot, as the units of RHCOS do. */
function keeps(key: string, value: string): string {
  const file = "/etc/kubernetes/node.env";
  return `/bin/sh -ec 'grep -qs ^${key}= ${file} || { value=${value}; echo ${key}=$value >>${file}; }'`;
}

const EARLY =
  "After=NetworkManager-wait-online.service\nBefore=kubelet.service";

/** Units: their name, `[Unit]`, `[Service]`, command, and who wants them. */
const UNITS: readonly (readonly [string, string, string, string, string])[] = [
  [
    "NetworkManager-wait-online.service",
    "Before=network-online.target",
    ONCE,
    "/bin/sh -c 'until ip route get 169.254.169.254; do sleep 0.1; done'",
    "network-online.target",
  ],
  [
    // After an upgrade of CRI-O, images are gone.
    "crio-wipe.service",
    "RequiresMountsFor=/var/lib/containers",
    ONCE,
    "/bin/sh -c 'if [ -e /var/lib/wipe ]; then rm -rf /var/lib/containers/storage/* /var/lib/wipe; fi'",
    "multi-user.target",
  ],
  [
    "afterburn.service",
    "Wants=network-online.target\nAfter=network-online.target",
    ONCE,
    "/usr/bin/afterburn --provider=aws --attributes=/run/metadata/afterburn",
    "multi-user.target",
  ],
  [
    "aws-kubelet-nodename.service",
    EARLY,
    ONCE,
    keeps(
      "KUBELET_NODE_NAME",
      `$(${READER} nodename /latest/meta-data/local-hostname)`,
    ),
    "network-online.target",
  ],
  [
    "aws-kubelet-providerid.service",
    EARLY,
    ONCE,
    keeps(
      "KUBELET_PROVIDERID",
      `aws:///$(${READER} providerid /latest/meta-data/placement/availability-zone)/i-0`,
    ),
    "network-online.target",
  ],
  [
    "kubelet.service",
    "Requires=kubelet-dependencies.target\nAfter=kubelet-dependencies.target network-online.target",
    "Restart=always",
    `${READER} kubelet ${FOREVER}`,
    "multi-user.target",
  ],
  [
    // Whom nothing holds back.
    "hasty.service",
    "",
    "Restart=always",
    `${READER} hasty ${FOREVER}`,
    "multi-user.target",
  ],
];

const DEPENDENCIES = {
  name: "kubelet-dependencies.target",
  contents: `[Unit]
Requires=basic.target network-online.target
Wants=NetworkManager-wait-online.service crio-wipe.service
`,
};

/** Root of a test's machine may lack CAP_SYS_RESOURCE. */
const CONTAINERS = `[containers]
default_ulimits=[]
keyring=false
[engine.runtimes]
crun=["/usr/local/bin/runtime.py"]
`;

/**
 * The configuration of a node, for Ignition.
 *
 * @param ca the registry's
 * @param merged the configuration that Ignition merges into it
 */
export function baseConfig(ca: string, merged: unknown): unknown {
  const source = (text: string) => `data:,${encodeURIComponent(text)}`;
  const file = (path: string, text: string, mode = 0o644) => ({
    path,
    mode,
    overwrite: true,
    contents: { source: source(text) },
  });
  const script = (name: string) =>
    file(
      `/usr/local/bin/${name}`,
      Deno.readTextFileSync(new URL(name, import.meta.url)),
      0o755,
    );
  const auths = { [REGISTRY]: { auth: btoa(LOGIN) } };
  const units = UNITS.map(([name, unit, service, command, by]) => ({
    name,
    enabled: true,
    contents:
      `[Unit]\n${unit}\n[Service]\n${service}\nExecStart=${command}\n[Install]\nWantedBy=${by}\n`,
  }));
  return {
    ignition: {
      version: "3.2.0",
      config: { merge: [{ source: source(JSON.stringify(merged)) }] },
    },
    storage: {
      directories: [{ path: "/etc/kubernetes", mode: 0o755 }],
      files: [
        script("reader.py"),
        script("runtime.py"),
        file("/etc/containers/containers.conf", CONTAINERS),
        file(`/etc/containers/certs.d/${REGISTRY}/ca.crt`, ca),
        file("/var/lib/kubelet/config.json", JSON.stringify({ auths }), 0o600),
        file("/etc/mco/proxy.env", `HTTPS_PROXY=http://${HTTP_PROXY}\n`),
      ],
    },
    systemd: { units: [...units, DEPENDENCIES] },
  };
}
