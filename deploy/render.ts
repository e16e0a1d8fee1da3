/**
 * Makes the manifests of `deploy/`, which a test compares. `deno task render`
 * writes them.
 *
 * @module
 */
import { labels, NAME } from "../lib/manifests/unit_settings.ts";
import { manifests, renderYaml } from "../lib/commands/manifests.ts";
import { readSettings } from "../lib/commands/manifests_settings.ts";
import alerts from "../lib/manifests/alerts.json" with { type: "json" };
import { daemonSetObjects } from "../lib/manifests/daemon_set.ts";
import { RBAC_PROXY_IMAGE } from "../lib/manifests/monitoring.ts";
import { OPTIONS } from "../lib/config/serve_options.ts";

/** An image that nobody has. */
const IMAGE = "registry.example.com/c2s-imds";

const DIGEST = `sha256:${"0".repeat(64)}`;

/** What `manifests` prints with these arguments. */
async function printed(...args: readonly string[]): Promise<string> {
  let text = "";
  await manifests.run(args, {
    env: {},
    build: { imports: "npm" },
    columns: undefined,
    stdout: (part) => text += part,
    stderr() {},
    flush: () => Promise.resolve(),
    readTextFile: (path) => Deno.readTextFileSync(path),
    onSignal: () => () => {},
  });
  return text;
}

/**
 * A kustomization of the DaemonSet: the image and the regions are its settings,
 * those in a ConfigMap whose name changes with them, so that pods follow.
 */
function kustomization(isMonitored: boolean): Record<string, string> {
  const { serve, check, admin = "" } = readSettings(
    [],
    (path) => Deno.readTextFileSync(path),
    "daemonset",
    isMonitored,
  );
  const isSet = (arg: string) => arg.startsWith(`--${OPTIONS.regions.name}=`);
  const objects = daemonSetObjects({
    image: NAME,
    serve: serve.filter((arg) => !isSet(arg)),
    check: check.filter((arg) => !isSet(arg)),
    variables: NAME,
    monitoring: isMonitored ? { admin, image: RBAC_PROXY_IMAGE } : undefined,
  });
  return {
    "daemonset.yaml": renderYaml(objects),
    "kustomization.yaml": renderYaml([{
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["daemonset.yaml"],
      images: [{ name: NAME, newName: IMAGE, digest: DIGEST }],
      configMapGenerator: [{
        name: NAME,
        namespace: NAME,
        literals: [`C2S_IMDS_REGION=${OPTIONS.regions.fallback}`],
        options: { labels: labels("proxy") },
      }],
    }]),
  };
}

/** Every file, by its path from `deploy/`. */
export async function renderedFiles(): Promise<Record<string, string>> {
  const image = `--image=${IMAGE}@${DIGEST}`;
  const daemonSet = ["daemonset", image];
  const folder = (name: string, files: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(files).map(([file, text]) => [`${name}/${file}`, text]),
    );
  return {
    "rendered/machineconfig.yaml": await printed("machineconfig", image),
    "rendered/daemonset.yaml": await printed(...daemonSet),
    "rendered/monitored.yaml": await printed(...daemonSet, "--monitoring"),
    "rendered/c2s-imds.service": await printed("systemd"),
    "monitoring/alerts.yaml": renderYaml([alerts]),
    ...folder("kustomize", kustomization(false)),
    ...folder("kustomize/monitored", kustomization(true)),
  };
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(await renderedFiles())) {
    const url = new URL(file, import.meta.url);
    Deno.mkdirSync(new URL(".", url), { recursive: true });
    Deno.writeTextFileSync(url, text);
  }
}
