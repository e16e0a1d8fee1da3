import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import {
  addGlobalConfig,
  planInstall,
} from "../../lib/manifests/install_folder.ts";
import { createFolder } from "../helpers/files.ts";

const add = (text: string) => addGlobalConfig(text, "cloud.yaml");

const ENTRY = "data:\n  config: |\n    [Global]\n";

/** As openshift-install writes it for a region with a CA of its own. */
const INSTALLER = `apiVersion: v1
data:
  ca-bundle.pem: |
    -----BEGIN CERTIFICATE-----
    data:
    -----END CERTIFICATE-----
kind: ConfigMap
metadata:
  creationTimestamp: null
  name: cloud-provider-config
  namespace: openshift-config
`;

Deno.test("addGlobalConfig() adds one entry, and changes no other byte", () => {
  const kind = "kind: ConfigMap\n";
  for (
    const [text, expected] of [
      [INSTALLER, INSTALLER.replace("\ndata:\n", `\n${ENTRY}`)],
      [
        "kind: ConfigMap # why\ndata:\n    # first\n    a: b\n",
        "kind: ConfigMap # why\ndata:\n    config: |\n      [Global]\n" +
        "    # first\n    a: b\n",
      ],
      ["kind: ConfigMap", `${kind}${ENTRY}`],
      [`data: {}\n${kind}`, `${ENTRY}${kind}`],
      [`data: null\n${kind}`, `${ENTRY}${kind}`],
      [`data:\n${kind}`, `${ENTRY}${kind}`],
    ] as const
  ) {
    assertEquals(add(text), expected);
    assertEquals(add(expected), undefined);
  }
  const other = "data:\n  config: |\n    [Global]\n    VPC = x\n";
  assertEquals(add(kind + other), undefined);
});

Deno.test("addGlobalConfig() refuses what is no ConfigMap of the installer's", () => {
  for (
    const text of [
      "",
      "just text",
      "- a\n",
      "kind: Secret\ndata: {}\n",
      "kind: ConfigMap\ndata: text\n",
      "kind: ConfigMap\ndata: [a]\n",
      "kind: ConfigMap\ndata: {a: b}\n",
      "kind: ConfigMap\n---\nkind: ConfigMap\n",
      "kind: [",
    ]
  ) {
    const refused = 'Cannot add "config" to "cloud.yaml"';
    assertThrows(() => add(text), UsageError, refused);
  }
});

Deno.test("planInstall() refuses a folder that create manifests did not write, or that was used up", async () => {
  const expected = "expected the folder that";
  for (
    const [reason, ...files] of [
      [expected],
      [expected, "manifests/a.yaml", "openshift/a.yaml"],
      [expected, "manifests/cluster-config.yaml"],
      ["expected manifests, run", "install-config.yaml"],
      ["its manifests were turned into Ignition", "bootstrap.ign"],
    ] as const
  ) {
    await using folder = await createFolder();
    for (const file of files) {
      const path = `${folder.path}/${file}`;
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(path, "");
    }
    assertThrows(
      () => planInstall(folder.path, new Map()),
      UsageError,
      `Cannot use "${folder.path}" for --install-dir: ${reason}`,
    );
  }
});

Deno.test("planInstall() refuses an empty cloud config as no ConfigMap", async () => {
  await using folder = await createFolder();
  for (const room of ["manifests", "openshift"]) {
    await Deno.mkdir(`${folder.path}/${room}`);
  }
  const cloud = `${folder.path}/manifests/cloud-provider-config.yaml`;
  await Deno.writeTextFile(cloud, "");
  const plan = () => planInstall(folder.path, new Map());
  assertThrows(plan, UsageError, 'Cannot add "config" to "manifests/cloud');
});
