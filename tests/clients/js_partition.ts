/**
 * The AWS SDK for JavaScript finds the region by itself, and from it the
 * partition as its clients do. The packages are its arguments.
 *
 * @module
 */
const [metadata = "", endpoints = "", provider = ""] = Deno.args;
const { MetadataService } = await import(metadata);
const { partition } = await import(endpoints);
const { fromInstanceMetadata } = await import(provider);

const service = new MetadataService();
const read = (path: string) => service.request(`/latest/meta-data/${path}`, {});

const region = await read("placement/region");
const { name, dnsSuffix } = partition(region);
const { accessKeyId } = await fromInstanceMetadata()();
const found = {
  region,
  partition: name,
  dnsSuffix,
  credentials: accessKeyId !== "",
  told: {
    partition: await read("services/partition"),
    domain: await read("services/domain"),
    arn: JSON.parse(await read("iam/info")).InstanceProfileArn,
  },
};
await new Blob([JSON.stringify(found)]).stream()
  .pipeTo(Deno.stdout.writable);

// The SDK leaves error answers unread, and those keep a process alive until
// the service closes the connection.
Deno.exit();
