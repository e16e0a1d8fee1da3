/**
 * What the measurements ask for.
 *
 * @module
 */

/** A document that the upstream serves. */
export interface Document {
  /** Its origin-form target. */
  readonly target: string;
  /** Its body. */
  readonly body: string;
}

const SIZE_OF_IDENTITY = 600;

const IDENTITY = {
  accountId: "123456789012",
  architecture: "x86_64",
  availabilityZone: "us-east-1b",
  billingProducts: null,
  devpayProductCodes: null,
  marketplaceProductCodes: null,
  imageId: "ami-0abcdef1234567890",
  instanceId: "i-0123456789abcdef0",
  instanceType: "m5.2xlarge",
  kernelId: null,
  pendingTime: "2024-05-06T07:08:09Z",
  privateIp: "10.0.12.34",
  ramdiskId: null,
  region: "us-east-1",
  version: "2017-09-30",
};

const LISTING = [
  "ami-id\nblock-device-mapping/\nevents/\nhostname\niam/\ninstance-action\n",
  '{"accountId":"123456789012","architecture":"x86_64","version":"2017-09-30"}',
  "vpc-0a1b2c3d4e5f60718\nsubnet-0f1e2d3c4b5a69788\nsg-01234567\n0a:1b:2c:3d\n",
  "The instance runs in us-east-1, and its volume is vol-0abcdef1234567890.\n",
].join("\n");

/**
 * Text as the metadata service has it, with a region every 300 bytes.
 *
 * @param size its size in bytes
 */
export function filled(size: number): string {
  return LISTING.repeat(Math.ceil(size / LISTING.length)).slice(0, size);
}

/** The instance identity document, 600 bytes. */
export const identity: Document = {
  target: "/latest/dynamic/instance-identity/document",
  body: JSON.stringify(IDENTITY, null, 2).padEnd(SIZE_OF_IDENTITY),
};

/**
 * Writes documents as files below a folder that a web server then serves.
 *
 * @param folder the folder
 * @param documents the documents
 */
export function writeDocuments(
  folder: string,
  documents: readonly Document[],
): void {
  for (const { target, body } of documents) {
    const file = folder + target;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(file, body);
  }
}
