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

/** The instance identity document, 600 bytes. */
export const identity: Document = {
  target: "/latest/dynamic/instance-identity/document",
  body: JSON.stringify(IDENTITY, null, 2).padEnd(SIZE_OF_IDENTITY),
};

/**
 * Writes a document as a file below a folder that a web server then serves.
 *
 * @param folder the folder
 * @param document the document
 */
export function writeDocument(
  folder: string,
  { target, body }: Document,
): void {
  const file = folder + target;
  Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(file, body);
}
