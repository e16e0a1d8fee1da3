import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { defaultTree, INSTANCE } from "../../lib/simulator/default_instance.ts";
import {
  findNode,
  isDirectory,
  listDirectory,
  readLeaf,
} from "../../lib/simulator/metadata_tree.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const TREE = defaultTree();
const CREDENTIALS = `meta-data/iam/security-credentials/${INSTANCE.role}`;

function text(path: string, now = NOW): string {
  const node = findNode({ ...TREE }, path.split("/").filter((it) => it !== ""));
  assert(node !== undefined, path);
  if (isDirectory(node)) return listDirectory(node);
  const leaf = readLeaf(node, now);
  return typeof leaf === "string" ? leaf : new TextDecoder().decode(leaf);
}

Deno.test("INSTANCE is what the tree holds", () => {
  const [first, second] = INSTANCE.macs;
  for (
    const [path, value] of [
      ["instance-id", INSTANCE.id],
      ["local-hostname", INSTANCE.privateName],
      ["mac", first],
      ["placement/region", INSTANCE.region],
      ["placement/availability-zone", `${INSTANCE.region}a`],
      ["public-keys/0/openssh-key", INSTANCE.publicKey],
      ["iam/security-credentials/", INSTANCE.role],
      ["network/interfaces/macs/", `${first}/\n${second}/`],
      [`network/interfaces/macs/${second}/owner-id`, INSTANCE.account],
    ]
  ) assertEquals(text(`meta-data/${path}`), value);
});

Deno.test("defaultTree() holds every path that clients ask for, and no spot or Outposts paths", () => {
  const here = (path: string) =>
    findNode(TREE["meta-data"] ?? {}, path.split("/")) !== undefined;
  const paths = `
    ami-id ami-launch-index ami-manifest-path block-device-mapping/ami
    block-device-mapping/root autoscaling/target-lifecycle-state
    events/maintenance/history events/maintenance/scheduled hostname iam/info
    identity-credentials/ec2/info instance-action instance-life-cycle
    identity-credentials/ec2/security-credentials/ec2-instance instance-type
    local-ipv4 placement/availability-zone-id placement/group-name profile
    public-hostname public-ipv4 reservation-id security-groups services/domain
    services/partition system tags/instance/Name`.trim().split(/\s+/);
  assertEquals(paths.filter((path) => !here(path)), []);
  const absent = "spot/instance-action spot/termination-time outpost-arn";
  assertEquals(absent.split(" ").filter(here), []);
});

Deno.test("defaultTree() has the region where it must stay", () => {
  for (
    const path of [
      ...["security-groups", "tags/instance/Name", "placement/group-name"],
      ...["iam/info", "public-keys/0/openssh-key"],
      `iam/security-credentials/${INSTANCE.role}`,
    ]
  ) assertStringIncludes(text(`meta-data/${path}`), "us-east-1", path);
  const bytes = TREE["user-data"] as Uint8Array;
  assertStringIncludes(new TextDecoder("latin1").decode(bytes), "us-east-1");
  assertStringIncludes(gunzipSync(bytes).toString(), "us-east-1");
});

Deno.test("defaultTree() has credentials that are fake, in force, and the same for an hour", () => {
  const json = text(CREDENTIALS);
  assertEquals(text(CREDENTIALS, NOW + 3_000_000), json);
  assert(text(CREDENTIALS, NOW + 3_600_000) !== json);
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
  const { region, privateIp } = JSON.parse(json);
  assertEquals(region, "us-east-1");
  assertEquals(privateIp, text("meta-data/local-ipv4"));
});

Deno.test("defaultTree() has OpenStack's JSON on one line each, as Nova writes it", () => {
  for (const file of ["network_data", "vendor_data", "vendor_data2"]) {
    JSON.parse(text(`openstack/${file}.json`));
  }
  const json = text("openstack/meta_data.json");
  assert(!json.includes("\n"));
  const data = JSON.parse(json);
  assertEquals(data.availability_zone, "us-east-1a");
  const named = [data.name, data.hostname, data.meta.region]
    .concat(Object.keys(data.public_keys), Object.keys(data.meta)[0]);
  for (const value of named) assertStringIncludes(value, "us-east-1");
});
