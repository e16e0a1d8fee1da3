/**
 * The default instance's `meta-data`: every path that clients are known to ask
 * for. Spot, Outposts and product codes are off and answer 404.
 *
 * @module
 */
import { credentials, lastUpdated } from "./credentials.ts";
import { INSTANCE } from "./default_instance.ts";
import { ec2Json } from "./json_form.ts";
import type { MetadataDirectory } from "./metadata_tree.ts";

/** The `meta-data` of the default instance. */
export function defaultMetaData(): MetadataDirectory {
  const { account, role } = INSTANCE;
  return {
    "ami-id": INSTANCE.image,
    "ami-launch-index": "0",
    "ami-manifest-path": "(unknown)",
    autoscaling: { "target-lifecycle-state": "InService" },
    "block-device-mapping": { ami: "/dev/xvda", root: "/dev/xvda" },
    events: { maintenance: { history: "[]", scheduled: "[]" } },
    hostname: INSTANCE.privateName,
    iam: {
      info: (now) =>
        ec2Json({
          Code: "Success",
          LastUpdated: lastUpdated(now),
          InstanceProfileArn:
            `arn:aws:iam::${account}:instance-profile/cluster-us-east-1-master-profile`,
          InstanceProfileId: "AIPASIMULATEDEXAMPLE",
        }),
      "security-credentials": { [role]: credentials(role) },
    },
    "identity-credentials": {
      ec2: {
        info: (now) =>
          ec2Json({
            Code: "Success",
            LastUpdated: lastUpdated(now),
            AccountId: account,
          }),
        "security-credentials": { "ec2-instance": credentials("ec2-instance") },
      },
    },
    "instance-action": "none",
    "instance-id": INSTANCE.id,
    "instance-life-cycle": "on-demand",
    "instance-type": INSTANCE.type,
    "local-hostname": INSTANCE.privateName,
    "local-ipv4": INSTANCE.privateIp,
    mac: INSTANCE.macs[0],
    metrics: { vhostmd: '<?xml version="1.0" encoding="UTF-8"?>' },
    network: { interfaces: { macs: interfaces() } },
    placement: {
      "availability-zone": INSTANCE.zone,
      "availability-zone-id": INSTANCE.zoneId,
      "group-name": "spread-us-east-1",
      "partition-number": "2",
      region: INSTANCE.region,
    },
    profile: "default-hvm",
    "public-hostname": INSTANCE.publicName,
    "public-ipv4": INSTANCE.publicIp,
    "public-keys": {
      [`0=${INSTANCE.keyName}`]: { "openssh-key": INSTANCE.publicKey },
    },
    "reservation-id": "r-0c25a1b2c3d4e5f62",
    "security-groups": INSTANCE.securityGroups,
    services: { domain: "amazonaws.com", partition: "aws" },
    system: "nitro",
    tags: {
      instance: {
        Name: "master-0.cluster.us-east-1.example.com",
        "owner-us-east-1": "platform",
      },
    },
  };
}

/** Both network cards; only the first has a public address. */
function interfaces(): MetadataDirectory {
  const [first, second] = INSTANCE.macs;
  return {
    [first]: {
      ...networkCard(0, first, INSTANCE.privateIp, INSTANCE.privateName),
      "ipv4-associations": { [INSTANCE.publicIp]: INSTANCE.privateIp },
      "public-hostname": INSTANCE.publicName,
      "public-ipv4s": INSTANCE.publicIp,
    },
    [second]: networkCard(
      1,
      second,
      "10.0.12.35",
      "ip-10-0-12-35.ec2.internal",
    ),
  };
}

function networkCard(
  device: number,
  mac: string,
  address: string,
  hostname: string,
): MetadataDirectory {
  return {
    "device-number": String(device),
    "interface-id": `eni-0c25a1b2c3d4e5f7${device}`,
    "local-hostname": hostname,
    "local-ipv4s": address,
    mac,
    "owner-id": INSTANCE.account,
    "security-group-ids": "sg-0c25a1b2c3d4e5f80\nsg-0c25a1b2c3d4e5f81",
    "security-groups": INSTANCE.securityGroups,
    "subnet-id": "subnet-0c25a1b2c3d4e5f90",
    "subnet-ipv4-cidr-block": "10.0.12.0/24",
    "vpc-id": "vpc-0c25a1b2c3d4e5fa0",
    "vpc-ipv4-cidr-block": "10.0.0.0/16",
    "vpc-ipv4-cidr-blocks": "10.0.0.0/16",
  };
}
