import { assertEquals } from "@std/assert";
import { INSTANCE } from "../../lib/simulator/default_instance.ts";
import { createFolder } from "../helpers/files.ts";
import { createNamespace } from "../helpers/namespace.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { deno } from "./builds.ts";
import { type Client, type Json, python, runClient } from "./clients.ts";

/** A client, what it makes of the real instance, and of it under c2s. */
type Resolver = Pick<Client, "name" | "needs" | "command"> & {
  readonly real: Json;
  readonly shown: Json;
};

const arn = (partition: string) =>
  `arn:${partition}:iam::${INSTANCE.account}:instance-profile/cluster-us-east-1-master-profile`;
const TOLD = {
  real: { partition: "aws", domain: "amazonaws.com", arn: arn("aws") },
  shown: { partition: "aws-iso", domain: "c2s.ic.gov", arn: arn("aws-iso") },
};

const RESOLVERS: readonly Resolver[] = [
  {
    name: "botocore",
    needs: [{ python: "botocore", from: "python3-boto3" }],
    command: () => python("boto_partition.py"),
    real: {
      region: "us-east-1",
      partition: "aws",
      client: "aws",
      endpoints: [
        "https://sts.amazonaws.com",
        "https://ec2.us-east-1.amazonaws.com",
      ],
      method: "iam-role",
      told: TOLD.real,
    },
    shown: {
      region: "us-iso-east-1",
      partition: "aws-iso",
      client: "aws-iso",
      endpoints: [
        "https://sts.us-iso-east-1.c2s.ic.gov",
        "https://ec2.us-iso-east-1.c2s.ic.gov",
      ],
      method: "iam-role",
      told: TOLD.shown,
    },
  },
  {
    name: "the AWS SDK for JavaScript",
    needs: [],
    command: () => deno("js_partition.ts"),
    real: {
      region: "us-east-1",
      partition: "aws",
      dnsSuffix: "amazonaws.com",
      credentials: true,
      told: TOLD.real,
    },
    shown: {
      region: "us-iso-east-1",
      partition: "aws-iso",
      dnsSuffix: "c2s.ic.gov",
      credentials: true,
      told: TOLD.shown,
    },
  },
];

/** Starts a service, and the proxy that shows it under a profile. */
async function startBoth(stack: AsyncDisposableStack, profile: string) {
  const namespace = stack.use(await createNamespace());
  const start = async (...args: readonly string[]) => {
    const there = { namespace: namespace.name };
    const all = [...args, "--listen=127.0.0.1:0"];
    return stack.use(await startProgram(all, there)).url;
  };
  const service = await start("simulate", "--require-v2");
  const proxy = await start(
    "serve",
    `--upstream=${service}`,
    `--profile=${profile}`,
  );
  return { namespace, service, proxy };
}

for (const { real, shown, ...resolver } of RESOLVERS) {
  testWith([...NAMESPACES, ...resolver.needs])(
    `${resolver.name} ends in partition aws-iso under --profile c2s`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const { namespace, service, proxy } = await startBoth(stack, "c2s");
      for (const [url, told] of [[service, real], [proxy, shown]] as const) {
        const { printed, stderr } = await runClient(resolver, namespace, url);
        assertEquals(printed, told, stderr);
      }
    },
  );
}

testWith([...NAMESPACES, { python: "cloudinit", from: "cloud-init" }])(
  "cloud-init's OpenStack datasource follows the zones of a profile",
  async () => {
    await using folder = await createFolder();
    const profile = `${folder.path}/profile.yaml`;
    await Deno.writeTextFile(
      profile,
      "base: c2s\nzones: {us-east-1a: us-iso-east-1b}\n",
    );
    await using stack = new AsyncDisposableStack();
    const { namespace, service, proxy } = await startBoth(stack, profile);
    const client = { command: () => python("cloud_init_openstack.py") };
    const run = async (url: string) => {
      const { printed } = await runClient(client, namespace, url);
      return printed as {
        availability_zone: string;
        metadata: { name: string; availability_zone: string };
      };
    };
    const direct = await run(service);
    const proxied = await run(proxy);
    assertEquals(direct.availability_zone, "us-east-1a");
    assertEquals(proxied, {
      ...direct,
      availability_zone: "us-iso-east-1b",
      metadata: { ...direct.metadata, availability_zone: "us-iso-east-1b" },
    });
  },
);
