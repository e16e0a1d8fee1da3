/**
 * The manifests before the code that a cluster judges them by.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { renderedFiles } from "../../deploy/render.ts";
import {
  gatherSettings,
  parseServeConfig,
} from "../../lib/config/read_serve_config.ts";
import { createFolder, sourceFiles } from "../helpers/files.ts";
import { blocksOf } from "../helpers/markdown.ts";
import { testWith } from "../helpers/requires.ts";
import { GO, type Judges, judges } from "./judges.ts";

const FILES = await renderedFiles();

let built: Promise<Judges> | undefined;

/** Registers a test that has the judges. */
function testJudged(name: string, fn: (judged: Judges) => Promise<void>) {
  testWith(GO)(name, async () => await fn(await (built ??= judges())));
}

const OBJECTS = ["machineconfig", "daemonset", "monitored"];

function text(name: string): string {
  return FILES[`rendered/${name}.yaml`] ?? "";
}

testJudged(
  "the API server's code takes whatever manifests prints",
  async (judged) => {
    for (const name of OBJECTS) {
      const { code, stdout, stderr } = await judged.create(text(name));
      assertEquals([code, stderr], [0, ""], name);
      assertEquals(Number(stdout), text(name).split("---\n").length);
    }
  },
);

/** What is wrong with each, and what is said to it. */
const BROKEN: readonly (readonly [
  name: string,
  right: string,
  wrong: string,
  says: string,
])[] = [
  ["daemonset", "hostNetwork:", "hostNetwrk:", "unknown field"],
  [
    "daemonset",
    "      app.kubernetes.io/name: c2s-imds\n  updateStrategy",
    "      app.kubernetes.io/name: other\n  updateStrategy",
    "`selector` does not match template `labels`",
  ],
  ["daemonset", "enforce: privileged", "enforce: baseline", "host namespaces"],
  ["daemonset", "memory: 512Mi", "memory: 5Mi", "must be less than or equal"],
  ["daemonset", "kind: ClusterRole", "kind: Cluster", "roleRef.kind"],
  [
    "monitored",
    "hostPort: 9254",
    "hostPort: 9255",
    "must match `containerPort`",
  ],
  ["monitored", "secretName:", "secretNam:", "unknown field"],
  [
    "monitored",
    "- name: tls\n          secret",
    "- name: t\n          secret",
    "Not found",
  ],
  ["monitored", "clusterIP: None", "clusterIP: none", "spec.clusterIPs"],
  ["monitored", "bearerTokenFile:", "bearerTokenFil:", "unknown field"],
  ["monitored", "scheme: https", "scheme: tls", "Unsupported value"],
  ["monitored", "for: 2m", "for: soon", "should match"],
  ["machineconfig", "  config:\n", "  konfig:\n", "unknown field"],
];

testJudged("the API server's code refuses what is broken", async (judged) => {
  for (const [name, right, wrong, says] of BROKEN) {
    const whole = text(name);
    const broken = whole.replace(right, wrong);
    assert(broken !== whole, right);
    const { code, stderr } = await judged.create(broken);
    assertEquals(code, 1, wrong);
    assertStringIncludes(stderr, says);
  }
});

interface Built {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly image: string;
          readonly args: readonly string[];
          readonly envFrom?: readonly {
            readonly configMapRef: { readonly name: string };
          }[];
        }[];
      };
    };
  };
}

/** The kustomization that docs/running-cluster.md has for users. */
const OWN = blocksOf(sourceFiles("docs/running-cluster.md")[0]?.text ?? "")
  .find(({ text }) => text.includes("configMapGenerator"))?.text
  .replace("us-east-1=us-iso-east-1", "us-west-2=us-iso-west-1") ?? "";

testJudged(
  "kustomize takes image and regions as settings, and the API server's code what it makes",
  async (judged) => {
    await using folder = await createFolder();
    for (const [path, content] of Object.entries(FILES)) {
      const file = `${folder.path}/base/${path}`;
      await Deno.mkdir(file.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(file, content);
    }
    for (const base of ["kustomize", "kustomize/monitored"]) {
      const own = `${folder.path}/kustomization.yaml`;
      await Deno.writeTextFile(
        own,
        OWN.replace("c2s-imds/deploy/kustomize", `base/${base}`),
      );
      const usual = await judged.kustomize(`${folder.path}/base/${base}`);
      const made = await judged.kustomize(folder.path);
      for (const { code, stdout, stderr } of [usual, made]) {
        assertEquals([code, stderr], [0, ""], base);
        const taken = await judged.create(stdout);
        assertEquals([taken.code, taken.stderr], [0, ""], base);
      }
      const read = ({ stdout }: { stdout: string }) => {
        const objects = stdout.split("---\n").map((it) => parse(it) as Built);
        const map = objects.find(({ kind }) => kind === "ConfigMap");
        const set = objects.find(({ kind }) => kind === "DaemonSet");
        const [container] = set?.spec?.template.spec.containers ?? [];
        assertEquals(
          map?.metadata.labels["app.kubernetes.io/part-of"],
          "c2s-imds",
        );
        // Another name each time, so that pods are replaced.
        const [variables] = container?.envFrom ?? [];
        assertEquals(variables?.configMapRef.name, map?.metadata.name);
        const args = container?.args.slice(1) ?? [];
        const given = gatherSettings(args, map?.data ?? {}, () => "");
        const { regions } = parseServeConfig(given, () => "");
        return { image: container?.image, name: map?.metadata.name, regions };
      };
      const before = read(usual);
      const after = read(made);
      assertEquals([...before.regions], [["us-east-1", "us-iso-east-1"]]);
      assertEquals([...after.regions], [["us-west-2", "us-iso-west-1"]]);
      assert(before.name !== after.name);
      assertEquals(
        after.image,
        `mirror.example.com/c2s/c2s-imds@sha256:${"0".repeat(64)}`,
      );
    }
  },
);

/** A config that the cluster ships, with a unit of its own. */
const BASE = {
  metadata: {
    name: "00-master",
    labels: { "machineconfiguration.openshift.io/role": "master" },
  },
  spec: {
    config: {
      ignition: { version: "3.4.0" },
      systemd: { units: [{ name: "kubelet.service", enabled: true }] },
    },
  },
};

testJudged(
  "the machine-config operator renders a machine config beside those of the cluster, and refuses what is broken",
  async (judged) => {
    const [master = ""] = text("machineconfig").split("---\n");
    const own = parse(master) as typeof BASE;
    const { code, stdout, stderr } = await judged.render([BASE, own]);
    assertEquals([code, stderr], [0, ""]);
    const { units } = (JSON.parse(stdout) as typeof BASE).spec.config.systemd;
    assertEquals(units, [
      ...BASE.spec.config.systemd.units,
      ...own.spec.config.systemd.units,
    ]);
    const broken = JSON.parse(
      JSON.stringify(own).replace("c2s-imds-gate.service", "c2s-imds-gate"),
    );
    assertEquals((await judged.render([BASE, broken])).code, 1);
  },
);
