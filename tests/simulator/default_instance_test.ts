import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { defaultTree, INSTANCE } from "../../lib/simulator/default_instance.ts";
import {
  findNode,
  isDirectory,
  leafBytes,
  listDirectory,
  type MetadataNode,
} from "../../lib/simulator/metadata_tree.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const TREE = defaultTree();

function text(path: string): string {
  const { openstack = {}, ...ec2 } = TREE;
  const node = findNode(
    { ...ec2, openstack },
    path.split("/").filter((it) => it !== ""),
  );
  assert(node !== undefined, path);
  if (isDirectory(node)) return listDirectory(node);
  return new TextDecoder().decode(leafBytes(node, NOW));
}

function has(path: string): boolean {
  return findNode(TREE["meta-data"] ?? {}, path.split("/")) !== undefined;
}

Deno.test("defaultTree() stands in us-east-1", () => {
  assertEquals(text("meta-data/placement/region"), "us-east-1");
  assertEquals(text("meta-data/placement/availability-zone"), "us-east-1a");
  assertEquals(text("meta-data/placement/availability-zone-id"), "use1-az4");
  assertEquals(text("meta-data/services/domain"), "amazonaws.com");
  assertEquals(text("meta-data/services/partition"), "aws");
});

Deno.test("INSTANCE is what the tree holds", () => {
  const [mac = ""] = INSTANCE.macs;
  assertEquals(text("meta-data/instance-id"), INSTANCE.id);
  assertEquals(text("meta-data/local-hostname"), INSTANCE.privateName);
  assertEquals(text("meta-data/placement/region"), INSTANCE.region);
  assertEquals(text("meta-data/public-keys/0/openssh-key"), INSTANCE.publicKey);
  assertEquals(text("meta-data/iam/security-credentials/"), INSTANCE.role);
  assertEquals(
    text(`meta-data/network/interfaces/macs/${mac}/owner-id`),
    INSTANCE.account,
  );
  assertEquals(
    text("meta-data/network/interfaces/macs/"),
    INSTANCE.macs.map((it) => `${it}/`).join("\n"),
  );
});

Deno.test("defaultTree() has JSON that parses, on one line as Nova writes it", () => {
  for (
    const file of ["meta_data", "network_data", "vendor_data", "vendor_data2"]
  ) {
    const json = text(`openstack/${file}.json`);
    JSON.parse(json);
    assert(!json.includes("\n"), file);
  }
});

Deno.test("defaultTree() holds every path that clients ask for", () => {
  const paths = [
    "ami-id",
    "ami-launch-index",
    "ami-manifest-path",
    "autoscaling/target-lifecycle-state",
    "block-device-mapping/ami",
    "block-device-mapping/root",
    "events/maintenance/history",
    "events/maintenance/scheduled",
    "hostname",
    "iam/info",
    "iam/security-credentials/cluster-us-east-1-master-role",
    "identity-credentials/ec2/info",
    "identity-credentials/ec2/security-credentials/ec2-instance",
    "instance-action",
    "instance-id",
    "instance-life-cycle",
    "instance-type",
    "local-hostname",
    "local-ipv4",
    "mac",
    "placement/group-name",
    "profile",
    "public-hostname",
    "public-ipv4",
    "public-keys/0/openssh-key",
    "reservation-id",
    "security-groups",
    "system",
    "tags/instance/Name",
  ];
  assertEquals(paths.filter((path) => !has(path)), []);
});

Deno.test("defaultTree() has no spot, Outposts or rebalance paths", () => {
  for (
    const path of [
      "spot/instance-action",
      "spot/termination-time",
      "outpost-arn",
      "events/recommendations/rebalance",
    ]
  ) assert(!has(path), path);
});

Deno.test("defaultTree() has two network cards, each with the usual leaves", () => {
  const macs = findNode(TREE["meta-data"] ?? {}, [
    "network",
    "interfaces",
    "macs",
  ]) as Record<string, MetadataNode>;
  assertEquals(Object.keys(macs).length, 2);
  for (const [mac, card] of Object.entries(macs)) {
    assertEquals(findNode(card, ["mac"]), mac);
    for (
      const leaf of ["device-number", "subnet-id", "vpc-id", "local-ipv4s"]
    ) {
      assert(findNode(card, [leaf]) !== undefined, leaf);
    }
  }
  assertEquals(text("meta-data/mac"), Object.keys(macs)[0]);
});

Deno.test("defaultTree() has the region where it must stay", () => {
  for (
    const path of [
      "meta-data/security-groups",
      "meta-data/tags/instance/Name",
      "meta-data/placement/group-name",
      "meta-data/iam/info",
      "meta-data/public-keys/0/openssh-key",
      "meta-data/iam/security-credentials/cluster-us-east-1-master-role",
    ]
  ) assertStringIncludes(text(path), "us-east-1", path);
  for (const path of ["hostname", "local-hostname", "public-hostname"]) {
    assert(!text(`meta-data/${path}`).includes("us-east-1"), path);
  }
});

Deno.test("defaultTree() has credentials that are fake and in force", () => {
  const path =
    "meta-data/iam/security-credentials/cluster-us-east-1-master-role";
  const json = text(path);
  assertStringIncludes(json, '"Code" : "Success"');
  const { LastUpdated, Expiration, AccessKeyId, SecretAccessKey } = JSON.parse(
    json,
  );
  assertEquals(LastUpdated, "2026-01-02T03:00:00Z");
  assertEquals(Expiration, "2026-01-02T09:00:00Z");
  assertStringIncludes(AccessKeyId, "SIMULATED");
  assertStringIncludes(SecretAccessKey, "Simulated");
});

Deno.test("defaultTree() writes the identity document as the service does", () => {
  const json = text("dynamic/instance-identity/document");
  assert(json.startsWith('{\n  "accountId" : "'));
  assert(json.endsWith('"version" : "2017-09-30"\n}'));
  const document = JSON.parse(json);
  assertEquals(document.region, "us-east-1");
  assertEquals(document.availabilityZone, "us-east-1a");
  assertEquals(document.privateIp, text("meta-data/local-ipv4"));
});

Deno.test("defaultTree() has signatures of base64 lines, free of dashes", () => {
  for (const name of ["pkcs7", "rsa2048", "signature"]) {
    const signature = text(`dynamic/instance-identity/${name}`);
    for (const line of signature.split("\n")) {
      assert(/^[A-Za-z0-9+/=]{1,76}$/.test(line), line);
    }
  }
});

Deno.test("defaultTree() has gzip user data with the region inside and outside", () => {
  const bytes = TREE["user-data"] as Uint8Array;
  assertEquals([...bytes.slice(0, 2)], [0x1f, 0x8b]);
  assertStringIncludes(new TextDecoder("latin1").decode(bytes), "us-east-1");
  assertStringIncludes(gunzipSync(bytes).toString(), "us-east-1");
});

Deno.test("defaultTree() names the zone and much else in OpenStack's meta_data.json", () => {
  const data = JSON.parse(text("openstack/meta_data.json"));
  assertEquals(data.availability_zone, "us-east-1a");
  for (const value of [data.name, data.hostname, data.meta.region]) {
    assertStringIncludes(value, "us-east-1");
  }
  assert(Object.keys(data.public_keys)[0]?.includes("us-east-1"));
  assert(Object.keys(data.meta)[0]?.includes("us-east-1"));
});
