/**
 * Who the default instance is. Addresses and names come from the ranges
 * reserved for documentation (RFC 5737, RFC 2606).
 *
 * @module
 */
import type { Bytes } from "./metadata_tree.ts";

/** The default instance's identity, the same in both trees. */
export const INSTANCE = {
  /** Its account. */
  account: "123456789012",
  /** Where it runs. */
  region: "us-east-1",
  /** The zone's name. */
  zone: "us-east-1a",
  /** The zone's id: no region name in it. */
  zoneId: "use1-az4",
  /** Its image. */
  image: "ami-0c25a1b2c3d4e5f60",
  /** Its id. */
  id: "i-0c25a1b2c3d4e5f61",
  /** Its type. */
  type: "m5.xlarge",
  /** When it was started. */
  pendingTime: "2024-05-06T07:08:09Z",
  /** Its role; a rewritten name could never be asked for. */
  role: "cluster-us-east-1-master-role",
  /** Its private address. */
  privateIp: "10.0.12.34",
  /** Its private name: in us-east-1 there is no region in it. */
  privateName: "ip-10-0-12-34.ec2.internal",
  /** Its public address. */
  publicIp: "203.0.113.17",
  /** Its public name: in us-east-1 there is no region in it. */
  publicName: "ec2-203-0-113-17.compute-1.amazonaws.com",
  /** Its network cards, first to last. */
  macs: ["02:c2:50:00:00:01", "02:c2:50:00:00:02"],
  /** Its security groups. */
  securityGroups: "cluster-us-east-1-master\ndefault",
  /** The name of its SSH key. */
  keyName: "cluster-us-east-1-key",
  /** Its SSH key: the shape of one, the key to nothing. */
  publicKey:
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFNpbXVsYXRlZEtleU9ubHksTm90QVJlYWxPbmUsISEh cluster-us-east-1-key",
} as const;

/**
 * User data as gzip. It is stored, not deflated, so that the region stands in
 * the raw bytes too: whoever rewrites those breaks the checksum.
 */
export async function gzippedUserData(): Promise<Bytes> {
  const text = `#cloud-config
# Written for us-east-1; must arrive to the byte.
write_files:
  - path: /etc/cluster-region
    content: us-east-1
`;
  // Asked for here, it costs no other command 60 ms and 7 MB at its start.
  const { gzipSync } = await import("node:zlib");
  return new Uint8Array(gzipSync(text, { level: 0 }));
}
