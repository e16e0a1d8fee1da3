/**
 * What `--rewrite safe` does with the answer to each path, as data.
 *
 * @module
 */

/** What is rewritten in a body. */
export type BodyRule =
  /** Every region that stands as a whole name. */
  | { readonly kind: "rewrite" }
  /** Nothing. */
  | { readonly kind: "untouched" }
  /** The string values of these top-level fields of a JSON object. */
  | { readonly kind: "json"; readonly fields: readonly string[] };

/** One rule, and why it stands. */
export interface PathRule {
  /** The paths: `*` is any one segment, and all below a path belongs to it. */
  readonly paths: readonly string[];
  /** What is rewritten there; nothing unless given. */
  readonly rule?: BodyRule;
  /** Why, in one line. */
  readonly reason: string;
  /** Whether it is for host names, which a profile may ask to be rewritten. */
  readonly hostNames?: true;
}

/** What holds where no path of {@linkcode PATH_RULES} does. */
export const REWRITE: BodyRule = { kind: "rewrite" };

/** What holds for an answer that must not change. */
export const UNTOUCHED: BodyRule = { kind: "untouched" };

/** The rules; the first one that has the path holds. */
export const PATH_RULES: readonly PathRule[] = [
  {
    paths: ["*/api/token", "meta-data/*/api/token"],
    reason: "Session tokens mean nothing but to the service",
  },
  {
    paths: ["*/meta-data/iam", "*/meta-data/identity-credentials"],
    reason:
      "Credentials, and names of roles and profiles that clients look up again",
  },
  {
    paths: ["*/user-data", "openstack/*/user_data"],
    reason: "The user's own data, in any format",
  },
  {
    paths: [
      "*/meta-data/public-keys",
      "*/public-keys",
      "*/meta-data/managed-ssh-keys",
    ],
    reason: "Keys, and the names the user gave them",
  },
  {
    paths: [
      "*/meta-data/tags",
      "*/meta-data/security-groups",
      "*/meta-data/network/interfaces/macs/*/security-groups",
      "*/meta-data/placement/group-name",
      "*/meta-data/ami-manifest-path",
    ],
    reason: "Names the user gave, under which other services know them",
  },
  {
    paths: [
      "*/meta-data/service-offering",
      "*/meta-data/cloud-domain",
      "*/meta-data/cloud-name",
      "*/service-offering",
      "*/cloud-domain",
      "*/cloud-name",
    ],
    reason: "Names the operator of a CloudStack gave",
  },
  {
    paths: [
      "*/meta-data/hostname",
      "*/meta-data/local-hostname",
      "*/meta-data/public-hostname",
      "*/meta-data/hypervisor-host-name",
      "*/meta-data/network/interfaces/macs/*/local-hostname",
      "*/meta-data/network/interfaces/macs/*/public-hostname",
      "*/hostname",
      "*/local-hostname",
      "*/public-hostname",
      "*/hypervisor-host-name",
    ],
    reason: "Only the real host names resolve",
    hostNames: true,
  },
  {
    paths: [
      "*/dynamic/instance-identity/pkcs7",
      "*/dynamic/instance-identity/rsa2048",
      "*/dynamic/instance-identity/signature",
    ],
    reason: "Signatures; they hold for the real document alone",
  },
  {
    paths: ["openstack/*/password", "openstack/*/securitykey"],
    reason: "Credentials",
  },
  {
    paths: ["openstack/*/vendor_data.json", "openstack/*/vendor_data2.json"],
    reason: "The operator's own data, in any form",
  },
  {
    paths: ["openstack/*/network_data.json"],
    reason: "Names of networks and ports, no region",
  },
  {
    paths: ["openstack/content"],
    reason: "Files the user had put into the instance",
  },
  {
    paths: ["openstack/*/meta_data.json"],
    // Nova knows the first alone; Huawei Cloud and its kin add region_id.
    rule: {
      kind: "json",
      fields: ["availability_zone", "region", "region_id"],
    },
    reason: "Beside the region it holds the user's names, keys and metadata",
  },
];

/**
 * Answers that are made for one who asks, and notices that must not come late,
 * however long others are kept: never kept, never shared, not even for a
 * moment.
 */
export const UNSHARED_PATHS: readonly string[] = [
  "*/api/token",
  "meta-data/*/api/token",
  "*/meta-data/iam",
  "*/meta-data/identity-credentials",
  "openstack/*/password",
  "openstack/*/securitykey",
  "*/meta-data/spot",
  "*/meta-data/events",
  "*/meta-data/autoscaling",
];

/** Where the service names the region the instance runs in. */
export const REGION_PATHS: readonly string[] = [
  "*/meta-data/placement/region",
  "*/meta-data/placement/availability-zone",
  "*/meta-data/availability-zone",
  "*/availability-zone",
  "*/dynamic/instance-identity/document",
  "openstack/*/meta_data.json",
];

/**
 * Where metadata that is not rewritten otherwise holds ARNs of the service's
 * own making, and in which fields of a JSON object.
 */
export const ARN_FIELDS: ReadonlyArray<
  Pick<PathRule, "paths"> & { readonly fields: readonly string[] }
> = [
  { paths: ["*/meta-data/iam/info"], fields: ["InstanceProfileArn"] },
];

/** What says the partition. */
export const PARTITION_PATH = "*/meta-data/services/partition";

/** What says the DNS suffix of the partition. */
export const DOMAIN_PATH = "*/meta-data/services/domain";
