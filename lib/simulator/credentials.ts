/**
 * Credentials that look like an instance role's and open nothing.
 *
 * @module
 */
import { ec2Json } from "./json_form.ts";
import type { MetadataLeaf } from "./metadata_tree.ts";

/** The service renews role credentials about every hour. */
const RENEWAL_MS = 3_600_000;

/** They hold for about six hours. */
const LIFETIME_MS = 6 * 3_600_000;

/**
 * The time the service last looked, to the hour: whoever asks twice within
 * one gets the same bytes.
 *
 * @param now the time, in milliseconds since 1970
 */
export function lastUpdated(now: number): string {
  return iso(now - now % RENEWAL_MS);
}

/**
 * Made-up credentials that expire five to six hours from whenever they are
 * asked for. The region stands in them, to be left alone.
 *
 * @param label tells one set from another
 */
export function credentials(label: string): MetadataLeaf {
  return (now) =>
    ec2Json({
      Code: "Success",
      LastUpdated: lastUpdated(now),
      Type: "AWS-HMAC",
      AccessKeyId: "ASIASIMULATEDEXAMPLE",
      SecretAccessKey: "SimulatedSecretKey/us-east-1/NotARealOne",
      Token: `SimulatedSessionToken/us-east-1/${label}/NotARealOne==`,
      Expiration: iso(now - now % RENEWAL_MS + LIFETIME_MS),
    });
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
