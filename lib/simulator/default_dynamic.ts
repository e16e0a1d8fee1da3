/**
 * The default instance's `dynamic` data: its identity document and what
 * stands for the signatures over it.
 *
 * @module
 */
import { INSTANCE } from "./default_instance.ts";
import { ec2Json } from "./json_form.ts";
import type { MetadataDirectory } from "./metadata_tree.ts";

/** The `dynamic` data of the default instance. */
export function defaultDynamic(): MetadataDirectory {
  return {
    fws: { "instance-monitoring": "disabled" },
    "instance-identity": {
      document: ec2Json({
        accountId: INSTANCE.account,
        architecture: "x86_64",
        availabilityZone: INSTANCE.zone,
        billingProducts: null,
        devpayProductCodes: null,
        marketplaceProductCodes: null,
        imageId: INSTANCE.image,
        instanceId: INSTANCE.id,
        instanceType: INSTANCE.type,
        kernelId: null,
        pendingTime: INSTANCE.pendingTime,
        privateIp: INSTANCE.privateIp,
        ramdiskId: null,
        region: INSTANCE.region,
        version: "2017-09-30",
      }),
      pkcs7: signature("pkcs7", 900),
      rsa2048: signature("rsa2048", 1_100),
      signature: signature("signature", 128),
    },
  };
}

/** Base64 in lines of 76, as the service sends it; it signs nothing. */
function signature(kind: string, bytes: number): string {
  const text = `Simulated ${kind}, signs nothing in us-east-1. `;
  const body = text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
  return btoa(body)
    .replaceAll(/.{76}(?=.)/g, "$&\n");
}
