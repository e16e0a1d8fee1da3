import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { addGlobalConfig } from "../../lib/manifests/cloud_provider_config.ts";

const add = (text: string) => addGlobalConfig(text, "cloud.yaml");

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

Deno.test("addGlobalConfig() adds one entry and changes no other byte", () => {
  assertEquals(
    add(INSTALLER),
    INSTALLER.replace(
      "\ndata:\n",
      "\ndata:\n  config: |\n    [Global]\n",
    ),
  );
});

Deno.test("addGlobalConfig() keeps the indentation and the comments it finds", () => {
  assertEquals(
    add("kind: ConfigMap # why\ndata:\n    # first\n    a: b\n"),
    "kind: ConfigMap # why\ndata:\n    config: |\n      [Global]\n" +
      "    # first\n    a: b\n",
  );
});

for (
  const [what, text, expected] of [
    [
      "no data",
      "kind: ConfigMap\nmetadata: {}",
      "kind: ConfigMap\nmetadata: {}\ndata:\n  config: |\n    [Global]\n",
    ],
    [
      "empty data",
      "data: {}\nkind: ConfigMap\n",
      "data:\n  config: |\n    [Global]\nkind: ConfigMap\n",
    ],
    [
      "null data",
      "data: null\nkind: ConfigMap\n",
      "data:\n  config: |\n    [Global]\nkind: ConfigMap\n",
    ],
    [
      "data without a value",
      "data:\nkind: ConfigMap\n",
      "data:\n  config: |\n    [Global]\nkind: ConfigMap\n",
    ],
  ] as const
) {
  Deno.test(`addGlobalConfig() adds the entry to ${what}`, () => {
    assertEquals(add(text), expected);
  });
}

Deno.test("addGlobalConfig() leaves an entry that is there, whatever it says", () => {
  for (
    const entry of [
      "config: |\n    [Global]",
      "config: ''",
      "config: |\n    [Global]\n    VPC = x",
    ]
  ) {
    const text = INSTALLER.replace("data:\n", `data:\n  ${entry}\n`);
    assertEquals(add(text), undefined);
  }
  assertEquals(add(add(INSTALLER) ?? ""), undefined);
});

for (
  const text of [
    "",
    "just text",
    "- a\n",
    "kind: Secret\ndata: {}\n",
    "kind: ConfigMap\ndata: text\n",
    "kind: ConfigMap\ndata: [a]\n",
    "kind: ConfigMap\ndata: {a: b}\n",
    "{kind: ConfigMap, data: {a: b}}\n",
    "kind: ConfigMap\n---\nkind: ConfigMap\n",
    "kind: [",
  ]
) {
  Deno.test(`addGlobalConfig() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(
      () => add(text),
      UsageError,
      'Cannot add "config" to "cloud.yaml"',
    );
  });
}
