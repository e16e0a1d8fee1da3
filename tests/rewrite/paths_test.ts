import { assert, assertEquals } from "@std/assert";
import {
  PATH_RULES,
  UNTOUCHED as UNTOUCHED_RULE,
} from "../../lib/rewrite/path_rules.ts";
import { bodyRule, namesRegion } from "../../lib/rewrite/paths.ts";

const VERSIONS = ["latest", "2009-04-04", "2021-01-03"];
const MAC = "0a:1b:2c:3d:4e:5f";

const UNTOUCHED: readonly string[] = [
  "api/token",
  "meta-data/iam",
  "meta-data/iam/info",
  "meta-data/iam/security-credentials",
  "meta-data/iam/security-credentials/cluster-us-east-1-master-role",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "user-data",
  "meta-data/public-keys",
  "meta-data/public-keys/0/openssh-key",
  "meta-data/managed-ssh-keys/signer-cert",
  "meta-data/tags/instance",
  "meta-data/tags/instance/Name",
  "meta-data/security-groups",
  "meta-data/placement/group-name",
  "meta-data/ami-manifest-path",
  "meta-data/service-offering",
  "meta-data/cloud-domain",
  "meta-data/cloud-name",
  "meta-data/hostname",
  "meta-data/local-hostname",
  "meta-data/public-hostname",
  "meta-data/hypervisor-host-name",
  `meta-data/network/interfaces/macs/${MAC}/security-groups`,
  `meta-data/network/interfaces/macs/${MAC}/local-hostname`,
  `meta-data/network/interfaces/macs/${MAC}/public-hostname`,
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/signature",
  // CloudStack's router answers without "meta-data", too.
  "service-offering",
  "cloud-domain",
  "cloud-name",
  "public-keys",
  "hostname",
  "local-hostname",
  "public-hostname",
  "hypervisor-host-name",
];

const OPENSTACK_UNTOUCHED: readonly string[] = [
  "user_data",
  "vendor_data.json",
  "vendor_data2.json",
  "network_data.json",
  "password",
  "securitykey",
];

const REWRITTEN: readonly string[] = [
  "",
  "meta-data",
  "meta-data/ami-id",
  "meta-data/iamb",
  "meta-data/placement",
  "meta-data/placement/region",
  "meta-data/placement/availability-zone",
  "meta-data/placement/availability-zone-id",
  "meta-data/placement/group-names",
  "meta-data/services/domain",
  "meta-data/network/interfaces/macs",
  `meta-data/network/interfaces/macs/${MAC}/vpc-id`,
  `meta-data/network/interfaces/macs/${MAC}/security-group-ids`,
  "dynamic/instance-identity",
  "dynamic/instance-identity/document",
  "availability-zone",
  "iam/info",
  "user-database",
  "api",
];

/** Other spellings of a path that some server takes for the same. */
function spellings(path: string): string[] {
  const [first, ...rest] = path.slice(1).split("/");
  const tail = rest.join("/");
  return [
    path,
    `${path}/`,
    `${path}//`,
    `/${path}`,
    path.replaceAll("/", "//"),
    `${path}?x`,
    `${path}?x=/../meta-data/placement/region`,
    `${path}/?`,
    `${path}#x`,
    `/./${first}/./${tail}`,
    `/x/../${first}/y/../${tail}`,
    `/../${first}/${tail}`,
    `/${first}/x//../../${tail}`,
    `/%2e/${first}/${tail}`,
    `/${first}/x/%2E%2e/${tail}`,
    `/${first}/x/.%2e/${tail}`,
    `/${first}%2F${tail}`,
    `/${first}%2f%2f${tail}`,
    path.replaceAll("a", "%61"),
    path.replaceAll("-", "%2D"),
    `/ec2${path}`,
  ];
}

function assertKind(kind: string, paths: readonly string[]): void {
  for (const path of paths) assertEquals(bodyRule(path).kind, kind, path);
}

const untouchedPaths = VERSIONS.flatMap((version) => [
  ...UNTOUCHED.map((path) => `/${version}/${path}`),
  ...OPENSTACK_UNTOUCHED.map((path) => `/openstack/${version}/${path}`),
]);

const rewrittenPaths = VERSIONS.flatMap((version) =>
  REWRITTEN.map((path) => `/${version}/${path}`)
);

Deno.test("bodyRule() leaves a path alone when it must not change, however spelled", () => {
  assertKind("untouched", untouchedPaths.flatMap(spellings));
  assertKind("untouched", untouchedPaths.map((path) => path.toUpperCase()));
});

Deno.test("bodyRule() rewrites every other path, however spelled", () => {
  assertKind("rewrite", rewrittenPaths.flatMap(spellings));
  const odd = ["*", "/", "", "?", "//", "/..", "/%zz", "/latest/%"];
  assertKind("rewrite", [...odd, "/openstack"]);
});

Deno.test("bodyRule() stays careful when dot segments may or may not count", () => {
  assertKind("untouched", [
    "/latest/user-data/../meta-data/placement/region",
    "/latest/meta-data/placement/../iam/info",
    "/latest/meta-data/iam/../placement/region",
    "/latest/meta-data/iam/%2e%2e/placement/region",
    "/latest/meta-data/placement/region/../../../user-data",
    "/openstack/latest/meta_data.json/../user_data",
    "/openstack/latest/user_data/../meta_data.json",
  ]);
});

Deno.test("bodyRule() decodes once, and leaves what clouds of other shapes have alone", () => {
  assertKind("rewrite", ["/latest/%2575ser-data", "/latest/user-data%2500"]);
  assertKind("untouched", [
    "/latest/meta-data/tags/100%/%zz",
    "/openstack/content/0000",
    "/openstack/content",
    "/meta-data/latest/api/token",
  ]);
});

Deno.test("bodyRule() names fields when OpenStack's metadata is asked for", () => {
  const fields = ["availability_zone", "region", "region_id"];
  for (const version of [...VERSIONS, "2018-08-27"]) {
    for (const path of spellings(`/openstack/${version}/meta_data.json`)) {
      assertEquals(bodyRule(path), { kind: "json", fields }, path);
    }
  }
  assertEquals(bodyRule("/latest/meta_data.json").kind, "rewrite");
});

Deno.test("PATH_RULES gives each path once, in order of care, with a reason", () => {
  const paths = PATH_RULES.flatMap((rule) => rule.paths);
  assertEquals(new Set(paths).size, paths.length);
  for (const { paths, rule = UNTOUCHED_RULE, reason } of PATH_RULES) {
    assert(reason.length > 0);
    for (const path of paths) {
      assertEquals(bodyRule(`/${path.replaceAll("*", "1.0")}`), rule, path);
    }
  }
  const order = PATH_RULES.map(({ rule = UNTOUCHED_RULE }) => rule.kind);
  assertEquals(order, [...order].sort().reverse());
});

Deno.test("namesRegion() holds when the answer names the instance's region", () => {
  const telling = [
    "/latest/meta-data/placement/region",
    "/2009-04-04/meta-data/placement/availability-zone",
    "/2021-01-03/dynamic/instance-identity/document",
    "/latest/meta-data/availability-zone",
    "/latest/availability-zone",
    "/openstack/latest/meta_data.json",
  ];
  for (const path of telling.flatMap(spellings)) {
    assert(namesRegion(path), path);
  }
  const others = [
    ...untouchedPaths,
    "*",
    "/",
    "/latest/meta-data/placement",
    "/latest/meta-data/placement/availability-zone-id",
    "/latest/dynamic/instance-identity",
    "/openstack/latest",
  ];
  for (const path of others) assert(!namesRegion(path), path);
});
