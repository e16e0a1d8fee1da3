/**
 * How fast bodies are rewritten. The time of a body of 1 MiB, in ms, is about
 * the inverse of its GB/s.
 */
import { Rewriter } from "../lib/rewrite/rewriter.ts";

const MIB = 1 << 20;
const encoder = new TextEncoder();

const AREAS = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn"];
const SIDES = ["east", "west", "central", "southeast", "northeast"];
const MAPS = {
  "1 region": new Map([["us-east-1", "us-iso-east-1"]]),
  "50 regions": new Map(
    AREAS.flatMap((area) =>
      SIDES.map((side) =>
        [`${area}-${side}-1`, `${area}-iso-${side}-1`] as const
      )
    ),
  ),
};

const LISTING = [
  "ami-id\nblock-device-mapping/\nevents/\nhostname\niam/\ninstance-action\n",
  "The instance metadata service answers requests of the instance itself.\n",
  '{"accountId":"123456789012","architecture":"x86_64","version":"2017-09-30"}',
  "vpc-0a1b2c3d4e5f60718\nsubnet-0f1e2d3c4b5a69788\nsg-01234567\n0a:1b:2c:3d",
].join("\n");

const DOCUMENT = JSON.stringify(
  {
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
  },
  null,
  2,
).padEnd(600);

function filled(text: string): Uint8Array {
  return encoder.encode(text.repeat(Math.ceil(MIB / text.length)))
    .slice(0, MIB);
}

const BODIES = {
  "1 MiB, no match": filled(LISTING),
  "1 MiB, a match every 100 bytes": filled(
    "us-east-1.".padEnd(100, LISTING.slice(0, 90)),
  ),
  "identity document, 600 bytes": encoder.encode(DOCUMENT),
};

const REWRITERS = Object.entries(MAPS)
  .map(([regions, map]) => ({ regions, rewriter: new Rewriter(map) }));

/**
 * So often everything is rewritten before. V8 compiles what it has seen: a
 * proxy has seen bodies with matches and bodies without.
 */
const WARM_UP = 50;

for (let i = 0; i < WARM_UP; i++) {
  for (const bytes of Object.values(BODIES)) {
    for (const { rewriter } of REWRITERS) rewriter.rewrite(bytes);
  }
}

for (const [body, bytes] of Object.entries(BODIES)) {
  for (const { regions, rewriter } of REWRITERS) {
    Deno.bench(`rewrite: ${regions}`, { group: body }, () => {
      rewriter.rewrite(bytes);
    });
  }
}

for (const { regions, rewriter } of REWRITERS) {
  const bytes = BODIES["1 MiB, no match"];
  Deno.bench(
    `stream: ${regions}`,
    { group: "1 MiB in chunks of 16 KiB" },
    () => {
      const stream = rewriter.stream();
      for (let at = 0; at < MIB; at += 16_384) {
        stream.push(bytes.subarray(at, at + 16_384));
      }
      stream.end();
    },
  );
}
