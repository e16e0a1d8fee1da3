import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import {
  type Folder,
  planInstall,
} from "../../lib/manifests/install_folder.ts";

/** A folder of some files; folders are those that have files, and itself. */
function folderOf(files: Readonly<Record<string, string>>): Folder {
  return {
    path: "/cluster",
    hasFile: (path) => path in files,
    hasFolder: (path) =>
      path === "." ||
      Object.keys(files).some((file) => file.startsWith(`${path}/`)),
    read: (path) => files[path] ?? "",
  };
}

const CREATED = {
  ".openshift_install.log": "",
  "manifests/cluster-infrastructure-02-config.yml": "kind: Infrastructure\n",
  "openshift/99_openshift-machineconfig_99-worker-ssh.yaml": "kind: x\n",
};

const CONFIGS = new Map([["99-worker-c2s-imds", "new\n"]]);

const WORKER = "openshift/99-worker-c2s-imds.yaml";

const CLOUD = "manifests/cloud-provider-config.yaml";

Deno.test("planInstall() writes the configs where the installer looks", () => {
  assertEquals(planInstall(folderOf(CREATED), CONFIGS), [
    { path: WORKER, text: "new\n", done: `Wrote ${WORKER}` },
    { path: CLOUD, text: undefined, done: `No ${CLOUD}: nothing to add to it` },
  ]);
});

Deno.test("planInstall() replaces what differs and leaves what does not", () => {
  const folder = { ...CREATED, [WORKER]: "old\n" };
  assertEquals(planInstall(folderOf(folder), CONFIGS)[0], {
    path: WORKER,
    text: "new\n",
    done: `Replaced ${WORKER}`,
  });
  folder[WORKER] = "new\n";
  assertEquals(planInstall(folderOf(folder), CONFIGS)[0], {
    path: WORKER,
    text: undefined,
    done: `Left ${WORKER}: it is the same already`,
  });
});

Deno.test("planInstall() adds the cloud config's entry once", () => {
  const bare = "data:\n  a: b\nkind: ConfigMap\n";
  const whole = "data:\n  config: |\n    [Global]\n  a: b\nkind: ConfigMap\n";
  assertEquals(
    planInstall(folderOf({ ...CREATED, [CLOUD]: bare }), CONFIGS)[1],
    { path: CLOUD, text: whole, done: `Added "config" to ${CLOUD}` },
  );
  assertEquals(
    planInstall(folderOf({ ...CREATED, [CLOUD]: whole }), CONFIGS)[1],
    {
      path: CLOUD,
      text: undefined,
      done: `Left ${CLOUD}: it has "config" already`,
    },
  );
});

for (
  const [what, folder, reason] of [
    [
      "a folder that is not there",
      { ...folderOf({}), hasFolder: () => false },
      "no such folder",
    ],
    [
      "any folder",
      folderOf({ "a": "" }),
      'expected the folder that "openshift-install create manifests" wrote to',
    ],
    [
      "a folder before the manifests",
      folderOf({ "install-config.yaml": "" }),
      'expected manifests, run "openshift-install create manifests" there',
    ],
    [
      "a folder after the manifests",
      folderOf({ "bootstrap.ign": "{}", "metadata.json": "{}" }),
      "its manifests were turned into Ignition configs, too late for more",
    ],
    [
      "folders of the right names without manifests",
      folderOf({ "manifests/a.yaml": "", "openshift/a.yaml": "" }),
      "expected the folder that",
    ],
    [
      "manifests of which half are missing",
      folderOf({ "manifests/cluster-config.yaml": "" }),
      "expected the folder that",
    ],
  ] as const
) {
  Deno.test(`planInstall() refuses ${what}`, () => {
    assertThrows(
      () => planInstall(folder, CONFIGS),
      UsageError,
      `Cannot use "/cluster" for --install-dir: ${reason}`,
    );
  });
}
