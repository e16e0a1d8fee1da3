/**
 * Real clients of the metadata service, each a script that prints one JSON
 * document. They run in a network namespace only: where their endpoint is not
 * given, or does not answer, they turn to the service's own address.
 *
 * @module
 */
import { defaultTree, INSTANCE } from "../../lib/simulator/default_instance.ts";
import type { Namespace } from "../helpers/namespace.ts";
import { importFlags } from "../../deploy/build.ts";
import type { Need } from "../helpers/requires.ts";
import { type CommandLine, deno, go, java, rust } from "./builds.ts";

/** What a client printed. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** A client, and what it makes of the simulator's default instance. */
export interface Client {
  /** What it is called. */
  readonly name: string;
  /** What it needs beside namespaces. */
  readonly needs: readonly Need[];
  /** Whether it knows nothing of tokens, and so cannot ask IMDSv2 alone. */
  readonly tokenless?: true;
  /** The simulator's data, from this folder; the default instance if none. */
  readonly data?: string;
  /** The command that runs it. */
  readonly command: () => CommandLine | Promise<CommandLine>;
  /** Where in its document the region shows: real value, emulated value. */
  readonly changes: Readonly<Record<string, readonly [Json, Json]>>;
  /** What must be in its document, directly and through the proxy. */
  readonly kept: Readonly<Record<string, Json>>;
}

const REGION = ["us-east-1", "us-iso-east-1"] as const;
const ZONE = ["us-east-1a", "us-iso-east-1a"] as const;

// The simulator's credentials: the region in them is no region to a client.
const SECRET = "SimulatedSecretKey/us-east-1/NotARealOne";
const TOKEN = `SimulatedSessionToken/us-east-1/${INSTANCE.role}/NotARealOne==`;
const USER_DATA = (defaultTree()["user-data"] as Uint8Array).toHex();

/** The program's own import map and lock. */
const OWN_IMPORTS = [
  ...["--quiet", `--config=${scriptPath("../../deno.json")}`],
  ...[...importFlags(), "--frozen"],
];

/** What both SDKs for Go print. */
const OF_GO = {
  changes: {
    "region": REGION,
    "zone": ZONE,
    "document/region": REGION,
    "document/availabilityZone": ZONE,
  },
  kept: {
    "role": INSTANCE.role,
    "credentials/secret_key": SECRET,
    "credentials/token": TOKEN,
    "user_data": USER_DATA,
    "missing/status": 404,
  },
} as const;

/** The HTTP clients of the SDK for Java. */
const OF_JAVA = ["url-connection", "apache", "crt"];

/** Every client. */
export const CLIENTS: readonly Client[] = [
  {
    name: "cloud-init's EC2 datasource",
    needs: [{ python: "cloudinit", from: "cloud-init" }],
    command: () => python("cloud_init_ec2.py"),
    changes: {
      "region": REGION,
      "availability_zone": ZONE,
      "crawled/meta-data/placement/region": REGION,
      "crawled/meta-data/placement/availability-zone": ZONE,
      "crawled/dynamic/instance-identity/document/region": REGION,
      "crawled/dynamic/instance-identity/document/availabilityZone": ZONE,
    },
    kept: {
      "found": true,
      "instance_id": INSTANCE.id,
      "crawled/user-data": USER_DATA,
      "crawled/meta-data/placement/group-name": "spread-us-east-1",
    },
  },
  {
    name: "cloud-init's OpenStack datasource",
    needs: [{ python: "cloudinit", from: "cloud-init" }],
    command: () => python("cloud_init_openstack.py"),
    changes: {
      "availability_zone": ZONE,
      "metadata/availability_zone": ZONE,
    },
    kept: {
      "found": true,
      "user_data": USER_DATA,
      "metadata/meta/region": "us-east-1",
      "metadata/name": "master-0-us-east-1",
      "vendor_data/cluster": "lab-us-east-1",
      "vendor_data2/static/cluster": "lab-us-east-1",
    },
  },
  {
    name: "cloud-init's CloudStack datasource",
    needs: [{ python: "cloudinit", from: "cloud-init" }],
    tokenless: true,
    data: "cloudstack.yaml",
    command: () => python("cloud_init_cloudstack.py"),
    changes: {
      "availability_zone": ZONE,
      "metadata/availability-zone": ZONE,
    },
    kept: {
      "found": true,
      "instance_id": "5d4c3b2a-0c25-4a1b-9c3d-4e5f60718293",
      "metadata/local-hostname": "vm-us-east-1",
      "metadata/public-hostname": "203-0-113-34.us-east-1.example.com",
      "user_data": new TextEncoder()
        .encode("#cloud-config\nhostname: vm-us-east-1\n").toHex(),
    },
  },
  {
    name: "bosh-agent",
    needs: [{ command: "/usr/bin/python3", from: "python3" }],
    tokenless: true,
    command: () => python("bosh_agent.py"),
    changes: { "availability_zone/body": ZONE },
    kept: {
      "instance_id/body": INSTANCE.id,
      "public_key/body": INSTANCE.publicKey,
      "user_data/status": 200,
      "user_data/body": USER_DATA,
    },
  },
  {
    name: "botocore",
    needs: [{ python: "botocore", from: "python3-botocore" }],
    command: () => python("boto.py"),
    changes: {
      "region": REGION,
      "signed/host": ["sts.amazonaws.com", "sts.us-iso-east-1.c2s.ic.gov"],
      "signed/scope/0": REGION,
    },
    kept: {
      "method": "iam-role",
      "secret_key": SECRET,
      "token": TOKEN,
      "fetched/role_name": INSTANCE.role,
      "fetched/secret_key": SECRET,
      "signed/token": TOKEN,
    },
  },
  {
    name: "the AWS CLI",
    needs: [{ python: "awscli", from: "awscli" }],
    command: () => python("aws_cli.py"),
    changes: {
      "region/0": REGION,
      "signed/host": [
        "bucket.s3.us-east-1.amazonaws.com",
        "bucket.s3.us-iso-east-1.c2s.ic.gov",
      ],
      "signed/scope/0": REGION,
    },
    kept: {
      "region/1": "imds",
      "access_key/1": "iam-role",
      "credentials/SecretAccessKey": SECRET,
      "credentials/SessionToken": TOKEN,
      "signed/token": TOKEN,
    },
  },
  {
    name: "the AWS SDK for Go v1",
    needs: [{ command: "go", from: "go.dev" }],
    command: () => go("sdk_v1"),
    ...OF_GO,
  },
  {
    name: "the AWS SDK for Go v2",
    needs: [{ command: "go", from: "go.dev" }],
    command: () => go("sdk_v2"),
    ...OF_GO,
  },
  {
    name: "the AWS SDK for Rust",
    needs: [{ command: "cargo", from: "rustup.rs" }],
    command: rust,
    changes: OF_GO.changes,
    kept: {
      "role": INSTANCE.role,
      "credentials/secret_key": SECRET,
      "credentials/token": TOKEN,
      "missing/status": 404,
    },
  },
  {
    name: "the AWS SDK for Java v2",
    needs: [
      { command: "mvn", from: "maven" },
      { command: "javac", from: "default-jdk-headless" },
    ],
    command: java,
    changes: Object.fromEntries(
      OF_JAVA.flatMap((http) => [[`${http}/region`, REGION], [
        `${http}/zone`,
        ZONE,
      ]]),
    ),
    kept: {
      ...Object.fromEntries(
        OF_JAVA.flatMap((http) => [[`${http}/role`, INSTANCE.role], [
          `${http}/missing`,
          404,
        ]]),
      ),
      "secret_key": SECRET,
      "token": TOKEN,
    },
  },
  {
    name: "the AWS SDK for JavaScript",
    needs: [],
    command: () => deno(OWN_IMPORTS, scriptPath("js_sdk.ts")),
    changes: {
      "region": REGION,
      "availabilityZone": ZONE,
      "document/3": [
        `  "availabilityZone" : "us-east-1a",`,
        `  "availabilityZone" : "us-iso-east-1a",`,
      ],
      "document/14": [
        `  "region" : "us-east-1",`,
        `  "region" : "us-iso-east-1",`,
      ],
    },
    kept: {
      "roles": INSTANCE.role,
      "hostname": INSTANCE.privateName,
      "credentials/secretAccessKey": SECRET,
      "credentials/sessionToken": TOKEN,
      "userData": USER_DATA,
    },
  },
];

/**
 * Runs a client to its end, with nothing in its environment and an empty home.
 *
 * @param namespace where it runs
 * @param endpoint the URL it is told to ask, without a trailing slash; without
 * one it asks where it asks by default
 * @returns what it printed
 * @throws {Error} when it fails, with what it wrote on standard error
 */
export async function runClient(
  client: Client,
  namespace: Namespace,
  endpoint?: string,
): Promise<Json> {
  const home = await Deno.makeTempDir();
  try {
    const printed = await namespace.must([
      "/usr/bin/env",
      "-i",
      "PATH=/usr/bin:/bin",
      `HOME=${home}`,
      `TMPDIR=${home}`,
      ...endpoint === undefined
        ? []
        : [`AWS_EC2_METADATA_SERVICE_ENDPOINT=${endpoint}`],
      ...await client.command(),
    ]);
    return JSON.parse(printed);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Where a file of this folder is. */
export function scriptPath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

function python(script: string): readonly string[] {
  return ["/usr/bin/python3", scriptPath(script)];
}
