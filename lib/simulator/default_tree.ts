/**
 * The instance a simulator shows unless told otherwise.
 *
 * @module
 */
import { defaultDynamic } from "./default_dynamic.ts";
import { gzippedUserData } from "./default_instance.ts";
import { defaultMetaData } from "./default_meta_data.ts";
import { defaultOpenStack } from "./default_openstack.ts";
import type { MetadataTree } from "./metadata_tree.ts";

/**
 * The default instance, in us-east-1: two network cards, a role, tags, gzip
 * user data, and the OpenStack view of the same.
 */
export async function defaultTree(): Promise<MetadataTree> {
  const userData = await gzippedUserData();
  return {
    "meta-data": defaultMetaData(),
    dynamic: defaultDynamic(),
    "user-data": userData,
    openstack: defaultOpenStack(userData),
  };
}
