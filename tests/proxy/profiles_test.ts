import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { ask, get, type RawAnswer, textOf, valuesOf } from "../helpers/raw.ts";
import {
  answer,
  type RawUpstream,
  startUpstream,
} from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

const VERSIONS = ["latest", "2021-01-03", "2009-04-04"];
const NOVA_VERSIONS = ["latest", "2018-08-27", "2012-08-10"];

/** What `serve` would run with; the text is that of every file it reads. */
function config(args: string, yaml = ""): Partial<ServeConfig> {
  const { regions, identity, rewrite } = readServeConfig(
    args.split(" "),
    {},
    () => yaml,
  );
  return { regions, rewrite, ...identity === undefined ? {} : { identity } };
}

interface Stage extends AsyncDisposable {
  readonly upstream: RawUpstream;
  readonly ask: (
    target: string,
    method?: string,
    ...lines: readonly string[]
  ) => Promise<RawAnswer>;
}

/** A proxy in front of answers by target; 404 for any other. */
async function stage(
  given: Partial<ServeConfig>,
  answers: Readonly<Record<string, string>>,
): Promise<Stage> {
  const upstream = await startUpstream(({ target }, connection) =>
    connection.write(
      answers[target] ??
        answer("<h1>404</h1>", ["Content-Type: text/html"], "404 Not Found"),
    )
  );
  const proxy = await startUnderTest(upstream.address, given);
  return {
    upstream,
    ask: (target, method = "GET", ...lines) =>
      ask(proxy.address, get(target, ...lines).replace(/^GET/, method)),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** What one profile shows of one region. */
interface Shown {
  readonly profile: string;
  readonly partition: string;
  readonly domain: string;
  readonly region: readonly [real: string, emulated: string];
  readonly ids: readonly (readonly [real: string, shown: string])[];
}

const C2S = { profile: "c2s", partition: "aws-iso", domain: "c2s.ic.gov" };
const SC2S = {
  profile: "sc2s",
  partition: "aws-iso-b",
  domain: "sc2s.sgov.gov",
};
const ISO_F = {
  profile: "aws-iso-f",
  partition: "aws-iso-f",
  domain: "csp.hci.ic.gov",
};

const SHOWN: readonly Shown[] = [
  {
    ...C2S,
    region: ["us-east-1", "us-iso-east-1"],
    ids: [
      ["use1-az1", "usie1-az1"],
      ["use1-az2", "usie1-az2"],
      ["use1-az3", "use1-az3"],
      ["use1-az14", "use1-az14"],
    ],
  },
  {
    ...C2S,
    profile: "aws-iso",
    region: ["us-west-2", "us-iso-west-1"],
    ids: [["usw2-az1", "usw2-az1"]],
  },
  {
    ...SC2S,
    region: ["us-east-1", "us-isob-east-1"],
    ids: [
      ["use1-az1", "usibe1-az1"],
      ["use1-az2", "usibe1-az2"],
      ["use1-az3", "usibe1-az3"],
      ["use1-az4", "use1-az4"],
    ],
  },
  {
    ...SC2S,
    profile: "aws-iso-b",
    region: ["us-west-2", "us-isob-west-1"],
    ids: [["usw2-az1", "usw2-az1"]],
  },
  {
    profile: "aws-iso-e",
    partition: "aws-iso-e",
    domain: "cloud.adc-e.uk",
    region: ["eu-west-1", "eu-isoe-west-1"],
    ids: [["euw1-az1", "euw1-az1"]],
  },
  {
    ...ISO_F,
    region: ["us-east-1", "us-isof-east-1"],
    ids: [["use1-az1", "use1-az1"]],
  },
  {
    ...ISO_F,
    region: ["us-west-2", "us-isof-south-1"],
    ids: [["usw2-az1", "usw2-az1"]],
  },
];

/** Every affected path, and some that must not be: real text, shown text. */
function table(
  { partition, domain, region: [real, region], ids }: Shown,
): Readonly<Record<string, readonly [real: string, shown: string]>> {
  const arn = (name: string) =>
    `{\n  "InstanceProfileArn" : "arn:${name}:iam::1:instance-profile/arn:aws:${real}",\n  "Note" : "arn:aws:x"\n}`;
  const outpost = (name: string, place: string) =>
    `arn:${name}:outposts:${place}:1:outpost/arn:aws:x`;
  const document = (place: string) =>
    `{\n  "accountId" : "1",\n  "availabilityZone" : "${place}b",\n  "region" : "${place}"\n}`;
  const same = (text: string) => [text, text] as const;
  return {
    "meta-data/services/partition": ["aws", partition],
    "meta-data/services/domain": ["amazonaws.com", domain],
    "meta-data/iam/info": [arn("aws"), arn(partition)],
    "meta-data/outpost-arn": [outpost("aws", real), outpost(partition, region)],
    "meta-data/placement/region": [real, region],
    "meta-data/placement/availability-zone": [`${real}a`, `${region}a`],
    "meta-data/placement/availability-zone/": [`${real}f`, `${region}f`],
    "dynamic/instance-identity/document": [document(real), document(region)],
    ...Object.fromEntries(ids.map((id, i) =>
      [
        // One upstream tells one id: a slash more or less is the same place.
        `meta-data/placement/availability-zone-id${"/".repeat(i)}`,
        id,
      ] as const
    )),
    "meta-data/iam/security-credentials/": same(`role-${real}`),
    "meta-data/iam/security-credentials/r": same(`{"a":"arn:aws:x"}`),
    "meta-data/hostname": same(`ip-1.${real}.compute.internal`),
    "meta-data/tags/instance/arn": same(`arn:aws:iam::1:${real}`),
    "user-data": same(`arn:aws:iam::1:${real}`),
    "meta-data/ami-id": same("ami-1"),
  };
}

for (const shown of SHOWN) {
  const { profile, region } = shown;
  Deno.test(`--profile ${profile} changes every affected path in ${region[0]}, whatever the version`, async () => {
    const paths = Object.entries(table(shown)).flatMap(([path, texts]) =>
      VERSIONS.map((version) => [`/${version}/${path}`, ...texts] as const)
    );
    const nova = (zone: string) =>
      `{"availability_zone": "${zone}", "meta": {"zone": "${
        region[0]
      }a"}, "name": "arn:aws:x"}`;
    const all = [
      ...paths,
      ...NOVA_VERSIONS.map((version) =>
        [
          `/openstack/${version}/meta_data.json`,
          nova(`${region[0]}a`),
          nova(`${region[1]}a`),
        ] as const
      ),
    ];
    await using it = await stage(
      config(`--profile ${profile}`),
      Object.fromEntries(
        all.map(([target, real]) => [target, answer(real, [`ETag: "1"`])]),
      ),
    );
    for (const [target, real, expected] of all) {
      const got = await it.ask(target);
      assertEquals(got.body, expected, target);
      assertEquals(valuesOf(got, "content-length"), [`${expected.length}`]);
      assertEquals(valuesOf(got, "etag").length, real === expected ? 1 : 0);
    }
  });
}

Deno.test("--profile gives nothing away when the service refuses", async () => {
  const target = "/latest/meta-data/services/partition";
  const added = "/latest/meta-data/added";
  const yaml = `overrides: {"*/meta-data/added": {text: secret}}`;
  for (
    const status of [
      "401 Unauthorized",
      "403 Forbidden",
      "429 Slow Down",
      "500 Oops",
      "503 Busy",
    ]
  ) {
    await using it = await stage(
      config("--profile c2s --config c.yaml", yaml),
      {
        [target]: answer("no", [], status),
        [added]: answer("no", [], status),
      },
    );
    for (const asked of [target, added]) {
      const got = await it.ask(asked);
      assertEquals([`${got.status}`, got.body], [status.slice(0, 3), "no"]);
    }
  }
});

Deno.test("--profile leaves a 404 alone when the path is its own, not an override's", async () => {
  await using it = await stage(config("--profile c2s"), {});
  const got = await it.ask("/latest/meta-data/services/partition");
  assertEquals([got.status, got.body], [404, "<h1>404</h1>"]);
});

Deno.test("--profile changes no answer to another method", async () => {
  const target = "/latest/meta-data/services/partition";
  await using it = await stage(config("--profile c2s"), {
    [target]: answer("aws"),
  });
  for (const method of ["PUT", "OPTIONS"]) {
    assertEquals((await it.ask(target, method)).body, "aws", method);
  }
});

/** Header fields but Date; `Deno.serve` spells them as it likes. */
function fieldsOf({ headers }: RawAnswer): string[] {
  return headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => !line.startsWith("date:"))
    .sort();
}

Deno.test("--profile answers HEAD as it answers GET", async () => {
  const yaml = `overrides:
  "*/user-data": {text: "hello"}
  "*/meta-data/tags": {status: 404}
  "*/nonesuch": {text: "there"}
`;
  const head = (length: number) =>
    `HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: a/b\r\nContent-Length: ${length}\r\n\r\n`;
  const cases = [
    ["/latest/meta-data/services/partition", 3],
    ["/latest/user-data", 30],
    ["/latest/meta-data/tags/instance/Name", 3],
    ["/latest/nonesuch", 0],
  ] as const;
  for (const [target, length] of cases) {
    await using upstream = await startUpstream(({ method }, connection) =>
      target === "/latest/nonesuch"
        ? connection.write(
          "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        )
        : connection.write(
          head(length) + (method === "HEAD" ? "" : "x".repeat(length)),
        )
    );
    await using proxy = await startUnderTest(
      upstream.address,
      config("--profile c2s --config c.yaml", yaml),
    );
    const one = await ask(proxy.address, get(target));
    const other = await ask(
      proxy.address,
      get(target).replace(/^GET/, "HEAD"),
    );
    assertEquals(other.status, one.status, target);
    assertEquals(fieldsOf(other), fieldsOf(one), target);
    assertEquals(other.body, "");
  }
});

Deno.test("--profile replaces compressed bodies whole and edits none", async () => {
  const packed = textOf(gzipSync(`{"region":"us-east-1"}`));
  const document = "/latest/dynamic/instance-identity/document";
  const partition = "/latest/meta-data/services/partition";
  const headers = ["Content-Encoding: gzip", "Content-Language: en"];
  await using it = await stage(
    config(
      "--profile c2s --config c.yaml",
      `overrides: {"*/dynamic/instance-identity/document": {fields: {region: x}}}`,
    ),
    {
      [document]: answer(packed, headers),
      [partition]: answer(packed, headers),
    },
  );
  const untouched = await it.ask(document);
  assertEquals(untouched.body, packed);
  assertEquals(valuesOf(untouched, "content-encoding"), ["gzip"]);
  const replaced = await it.ask(partition);
  assertEquals(replaced.body, "aws-iso");
  assertEquals(valuesOf(replaced, "content-encoding"), []);
  assertEquals(valuesOf(replaced, "content-language"), []);
});

Deno.test("--profile answers a range with the whole when the body is another", async () => {
  const target = "/latest/meta-data/services/partition";
  await using it = await stage(config("--profile c2s"), {
    [target]: answer(
      "a",
      ["Content-Range: bytes 0-0/3"],
      "206 Partial Content",
    ),
  });
  const got = await it.ask(target, "GET", "Range: bytes=0-0");
  assertEquals([got.status, got.body], [200, "aws-iso"]);
  assertEquals(valuesOf(got, "content-range"), []);
});

Deno.test("--profile changes ARNs of every real partition, in long bodies too", async () => {
  const line = 'arn:aws:s3:::b "arn:aws-us-gov:s3:::b" arn:aws-cn:x\n';
  const kept = "arn:aws-iso:x xarn:aws:x arn:awsx:y /arn:aws:z a:arn:aws:z\n";
  const target = "/latest/meta-data/other";
  const long = (line + kept).repeat(3_000);
  await using it = await stage(config("--profile c2s"), {
    [target]: answer(long),
  });
  const shown = line.replaceAll(/arn:aws[a-z-]*:/g, "arn:aws-iso:");
  assertEquals(
    (await it.ask(target)).body === (shown + kept).repeat(3_000),
    true,
  );
});

Deno.test("--profile keeps its partition when --region is another or none", async () => {
  const answers = {
    "/latest/meta-data/services/partition": answer("aws"),
    "/latest/meta-data/placement/region": answer("us-east-1"),
    "/latest/meta-data/placement/availability-zone-id": answer("use1-az1"),
    "/latest/meta-data/iam/info": answer(`{"InstanceProfileArn":"arn:aws:x"}`),
  };
  for (
    const [region, shown] of [["us-east-1=us-iso-west-1", "us-iso-west-1"], [
      "none",
      "us-east-1",
    ]]
  ) {
    await using it = await stage(
      config(`--profile c2s --region ${region}`),
      answers,
    );
    const bodies = [];
    for (const target of Object.keys(answers)) {
      bodies.push((await it.ask(target)).body);
    }
    assertEquals(bodies, [
      "aws-iso",
      shown,
      // That id is one of us-iso-east-1.
      "use1-az1",
      `{"InstanceProfileArn":"arn:aws-iso:x"}`,
    ]);
  }
});

Deno.test("a profile's zones map in one pass, and nothing else with them", async () => {
  const target = "/latest/meta-data/placement/availability-zone";
  const meta = "/openstack/latest/meta_data.json";
  await using it = await stage(
    config(
      "--profile ./c.yaml",
      `base: c2s
zones:
  us-east-1a: us-iso-east-1b
  us-east-1b: us-iso-east-1a
  us-east-1-bos-1a: us-iso-east-1-xyz-1a
`,
    ),
    {
      [target]: answer(
        "us-east-1a us-east-1b us-east-1c us-east-1-bos-1a us-east-1-bos-1b us-east-1ab us-east-1a1",
      ),
      [meta]: answer(`{"availability_zone": "us-east-1a"}`),
    },
  );
  assertEquals(
    (await it.ask(target)).body,
    "us-iso-east-1b us-iso-east-1a us-iso-east-1c us-iso-east-1-xyz-1a us-iso-east-1-bos-1b us-east-1ab us-east-1a1",
  );
  assertEquals(
    (await it.ask(meta)).body,
    `{"availability_zone": "us-iso-east-1b"}`,
  );
});

Deno.test("a profile's host names follow when it asks for that", async () => {
  const target = "/latest/meta-data/local-hostname";
  await using it = await stage(
    config("--profile ./c.yaml", "base: c2s\nhost-names: true\n"),
    { [target]: answer("ip-1.us-west-2.compute.internal") },
  );
  assertEquals(
    (await it.ask(target)).body,
    "ip-1.us-iso-west-1.compute.internal",
  );
});
