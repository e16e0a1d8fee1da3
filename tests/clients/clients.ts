/**
 * Real clients of the metadata service, each a script that prints one JSON
 * document. They run in a network namespace only: where their endpoint is not
 * given, or does not answer, they turn to the service's own address.
 *
 * @module
 */
import { defaultTree, INSTANCE } from "../../lib/simulator/default_instance.ts";
import type { Namespace } from "../helpers/namespace.ts";
import type { Need } from "../helpers/requires.ts";
import {
  AFTERBURN,
  afterburn,
  boto3,
  type CommandLine,
  deno,
  go,
  java,
  rust,
  versionOf,
} from "./builds.ts";

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
  /** Its version: Debian's, unless a lock file has it. */
  readonly version?: string;
  /** What it needs beside namespaces. */
  readonly needs: readonly Need[];
  /** Whether it asks at the default address alone. */
  readonly fixed?: true;
  /** Whether it knows nothing of tokens, and so cannot ask IMDSv2 alone. */
  readonly tokenless?: true;
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

/** What boto3 prints, and the real host that its version signs for. */
function ofBoto(host: string): Pick<Client, "changes" | "kept"> {
  return {
    changes: {
      "region": REGION,
      "signed/host": [host, "sts.us-iso-east-1.c2s.ic.gov"],
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
  };
}

/** What curl and wget print. */
function ofTool(
  status: number,
  missing: number,
): Pick<Client, "changes" | "kept"> {
  return {
    changes: {
      "region/body": REGION,
      "zone/body": ZONE,
      "document/region": REGION,
      "document/availabilityZone": ZONE,
    },
    kept: {
      "role": { status, body: INSTANCE.role },
      "credentials/SecretAccessKey": SECRET,
      "credentials/Token": TOKEN,
      "user_data": { status, body: USER_DATA },
      "missing/status": missing,
    },
  };
}

/** The HTTP clients of the SDK for Java. */
const OF_JAVA = ["url-connection", "apache", "crt"];

/** Where Debian has it: it is started by the initramfs. */
const IGNITION = "/usr/lib/dracut/modules.d/30ignition/ignition";

/** Every client, those first that take longest where the service is slow. */
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
    name: "bosh-agent",
    version: "replayed",
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
    name: "boto3 of Debian",
    needs: [{ python: "boto3", from: "python3-boto3" }],
    command: () => python("boto.py"),
    ...ofBoto("sts.amazonaws.com"),
  },
  {
    name: "boto3 of PyPI",
    version: versionOf("boto3"),
    needs: [{ python: "pip", from: "python3-pip" }],
    command: () => boto3(scriptPath("boto.py")),
    ...ofBoto("sts.us-east-1.amazonaws.com"),
  },
  {
    name: "the AWS CLI",
    needs: [{ python: "awscli", from: "awscli" }],
    command: () => python("aws_cli.py"),
    changes: {
      "signed/host": [
        "bucket.s3.us-east-1.amazonaws.com",
        "bucket.s3.us-iso-east-1.c2s.ic.gov",
      ],
      "signed/scope/0": REGION,
    },
    kept: {
      "credentials/SecretAccessKey": SECRET,
      "credentials/SessionToken": TOKEN,
      "signed/token": TOKEN,
    },
  },
  {
    name: "the AWS SDK for Go v1",
    version: versionOf("goV1"),
    needs: [{ command: "go", from: "go.dev" }],
    command: () => go("sdk_v1"),
    ...OF_GO,
  },
  {
    name: "the AWS SDK for Go v2",
    version: versionOf("goV2"),
    needs: [{ command: "go", from: "go.dev" }],
    command: () => go("sdk_v2"),
    ...OF_GO,
  },
  {
    name: "the AWS SDK for Rust",
    version: versionOf("rust"),
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
    version: versionOf("java"),
    needs: [
      { command: "mvn", from: "maven" },
      { command: "javac", from: "default-jdk-headless" },
    ],
    command: java,
    changes: Object.fromEntries(
      OF_JAVA.flatMap((http) => [
        [`${http}/region`, REGION],
        [`${http}/zone`, ZONE],
        [`${http}/document/region`, REGION],
        [`${http}/document/availabilityZone`, ZONE],
      ]),
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
    version: versionOf("javaScript"),
    needs: [],
    command: () => deno("js_sdk.ts"),
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
  {
    name: "cloud-provider-aws",
    version: versionOf("cloudProvider"),
    needs: [{ command: "go", from: "go.dev" }],
    command: () => go("cloud_provider"),
    changes: {
      "region": REGION,
      "identity/region": REGION,
      "identity/availability-zone": ZONE,
    },
    kept: { "identity/instance-id": INSTANCE.id },
  },
  {
    name: "afterburn",
    version: AFTERBURN,
    needs: [
      { command: "cargo", from: "rustup.rs" },
      { command: "pkg-config", from: "pkg-config" },
      { command: "/usr/include/openssl/ssl.h", from: "libssl-dev" },
    ],
    fixed: true,
    command:
      async () => [...python("tools.py"), "afterburn", ...await afterburn()],
    changes: {
      "AFTERBURN_AWS_REGION": REGION,
      "AFTERBURN_AWS_AVAILABILITY_ZONE": ZONE,
    },
    kept: {
      "AFTERBURN_AWS_HOSTNAME": INSTANCE.privateName,
      "AFTERBURN_AWS_INSTANCE_ID": INSTANCE.id,
    },
  },
  {
    name: "Ignition",
    needs: [{ command: IGNITION, from: "ignition" }],
    fixed: true,
    command: () => [...python("tools.py"), "ignition", IGNITION],
    changes: {},
    kept: {
      "storage/files/0/path": "/etc/region",
      "storage/files/0/contents/source": "data:,us-east-1",
    },
  },
  {
    name: "curl",
    needs: [{ command: "/usr/bin/curl", from: "curl" }],
    command: () => [...python("tools.py"), "curl", "/usr/bin/curl"],
    changes: ofTool(200, 404).changes,
    kept: { ...ofTool(200, 404).kept, "expired/status": 401 },
  },
  {
    name: "busybox wget",
    needs: [{ command: "/usr/bin/busybox", from: "busybox" }],
    tokenless: true,
    command: () => [...python("tools.py"), "wget", "/usr/bin/busybox"],
    ...ofTool(0, 1),
  },
];

/** How a client ended. */
export interface Ended {
  /** What it printed; its exit code where it failed. */
  readonly printed: Json;
  /** What it wrote on standard error. */
  readonly stderr: string;
}

/**
 * Runs a client to its end, with nothing in its environment and an empty home.
 *
 * @param namespace where it runs
 * @param endpoint the URL it is told to ask, without a trailing slash; without
 * one it asks where it asks by default
 */
export async function runClient(
  client: Pick<Client, "command">,
  namespace: Namespace,
  endpoint?: string,
): Promise<Ended> {
  const home = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await namespace.run([
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
    return { printed: code === 0 ? JSON.parse(stdout) : { code }, stderr };
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Where a file of this folder is. */
export function scriptPath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** A script of this folder, by Debian's Python. */
export function python(script: string): readonly [string, string] {
  return ["/usr/bin/python3", scriptPath(script)];
}
