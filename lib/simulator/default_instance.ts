/**
 * The instance a simulator shows unless told otherwise, in us-east-1: two
 * network cards, a role, tags, gzip user data, and the OpenStack view of it.
 *
 * @module
 */
import { parse } from "@std/yaml";
import data from "./default_instance.yaml" with { type: "text" };
import {
  isDirectory,
  type MetadataNode,
  type MetadataTree,
} from "./metadata_tree.ts";

/** What others refer to of the default instance; the tree holds the same. */
export const INSTANCE = {
  /** Its account. */
  account: "123456789012",
  /** Its id. */
  id: "i-0c25a1b2c3d4e5f61",
  /** Its network cards, first to last. */
  macs: ["02:c2:50:00:00:01", "02:c2:50:00:00:02"],
  /** Its private name: in us-east-1 there is no region in it. */
  privateName: "ip-10-0-12-34.ec2.internal",
  /** Its SSH key: the shape of one, the key to nothing. */
  publicKey:
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFNpbXVsYXRlZEtleU9ubHksTm90QVJlYWxPbmUsISEh cluster-us-east-1-key",
  /** Where it runs. */
  region: "us-east-1",
  /** Its role; a rewritten name could never be asked for. */
  role: "cluster-us-east-1-master-role",
} as const;

/** The service renews role credentials about every hour. */
const RENEWAL_MS = 3_600_000;

/** They hold for about six hours. */
const LIFETIME_MS = 6 * RENEWAL_MS;

/** The data of the default instance. */
export function defaultTree(): MetadataTree {
  return withTimes(parse(data) as MetadataNode) as MetadataTree;
}

/** Makes the leaves that name a time depend on the clock. */
function withTimes(node: MetadataNode): MetadataNode {
  if (isDirectory(node)) {
    return Object.fromEntries(
      Object.entries(node).map(([name, it]) => [name, withTimes(it)]),
    );
  }
  if (typeof node !== "string" || !node.includes("{LAST_UPDATED}")) return node;
  return (now) => {
    // To the hour: whoever asks twice within one gets the same bytes.
    const updated = now - now % RENEWAL_MS;
    return node.replace("{LAST_UPDATED}", iso(updated))
      .replace("{EXPIRATION}", iso(updated + LIFETIME_MS));
  };
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
