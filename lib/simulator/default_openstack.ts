/**
 * The default instance as OpenStack's Nova would tell of it: the files of
 * every version directory.
 *
 * @module
 */
import { INSTANCE } from "./default_instance.ts";
import { novaJson } from "./json_form.ts";
import type { Bytes, MetadataDirectory } from "./metadata_tree.ts";

/**
 * The files under `/openstack/VERSION/`. In `meta_data.json` the region stands
 * once where it must change and everywhere else where it must not.
 *
 * @param userData what the instance was started with
 */
export function defaultOpenStack(userData: Bytes): MetadataDirectory {
  const [mac] = INSTANCE.macs;
  return {
    "meta_data.json": novaJson({
      uuid: "c25a1b2c-3d4e-4f60-8172-93a4b5c6d7e8",
      public_keys: { [INSTANCE.keyName]: INSTANCE.publicKey },
      keys: [{
        name: INSTANCE.keyName,
        type: "ssh",
        data: INSTANCE.publicKey,
      }],
      hostname: "master-0.cluster.us-east-1.example.com",
      name: "master-0-us-east-1",
      launch_index: 0,
      availability_zone: INSTANCE.zone,
      meta: { "cluster-us-east-1": "owned", region: INSTANCE.region },
      project_id: "c25a1b2c3d4e4f60817293a4b5c6d7e9",
      devices: [],
      dedicated_cpus: [],
    }),
    "network_data.json": novaJson({
      links: [{
        id: "tapc25a1b2c-3d",
        vif_id: "c25a1b2c-3d4e-4f60-8172-93a4b5c6d7ea",
        type: "ovs",
        mtu: 1500,
        ethernet_mac_address: mac,
      }],
      networks: [{
        id: "network0",
        type: "ipv4_dhcp",
        link: "tapc25a1b2c-3d",
        network_id: "c25a1b2c-3d4e-4f60-8172-93a4b5c6d7eb",
      }],
      services: [{ type: "dns", address: "10.0.0.2" }],
    }),
    "user_data": userData,
    "vendor_data.json": novaJson({ cluster: "lab-us-east-1" }),
    "vendor_data2.json": novaJson({ static: { cluster: "lab-us-east-1" } }),
  };
}
