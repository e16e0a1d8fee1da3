/**
 * The AWS SDK for JavaScript finds region and credentials; it prints one JSON
 * document. The packages are its arguments.
 *
 * @module
 */
const [metadata = "", , provider = ""] = Deno.args;
const { MetadataService } = await import(metadata);
const { fromInstanceMetadata, getInstanceMetadataEndpoint, httpRequest } =
  await import(provider);

const DOCUMENT = "/latest/dynamic/instance-identity/document";
const META_DATA = "/latest/meta-data";

const service = new MetadataService();
const read = (path: string) => service.request(path, {});

/** What the service answers without a token: text, or the status it fails with. */
async function readWithoutToken(path: string): Promise<unknown> {
  const old = new MetadataService({ disableFetchToken: true, retries: 0 });
  try {
    return await old.request(path, {});
  } catch (error) {
    return (error as { $metadata?: unknown }).$metadata ?? String(error);
  }
}

/** The SDK's only way that does not decode what it reads. */
async function readBytes(path: string): Promise<Uint8Array> {
  const token = await service.fetchMetadataToken();
  return await httpRequest({
    ...await getInstanceMetadataEndpoint(),
    path,
    headers: { "x-aws-ec2-metadata-token": token },
  });
}

const found = {
  region: await read(`${META_DATA}/placement/region`),
  availabilityZone: await read(`${META_DATA}/placement/availability-zone`),
  document: (await read(DOCUMENT)).split("\n"),
  roles: await read(`${META_DATA}/iam/security-credentials/`),
  hostname: await read(`${META_DATA}/hostname`),
  hostnameWithoutToken: await readWithoutToken(`${META_DATA}/hostname`),
  credentials: await fromInstanceMetadata()(),
  userData: new Uint8Array(await readBytes("/latest/user-data")).toHex(),
};
await new Blob([JSON.stringify(found)]).stream()
  .pipeTo(Deno.stdout.writable);

// The SDK leaves error answers unread, and those keep a process alive until
// the service closes the connection.
Deno.exit();
