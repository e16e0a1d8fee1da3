import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { ask, get, type RawAnswer, textOf, valuesOf } from "../helpers/raw.ts";
import { answer } from "../helpers/upstream.ts";
import { startStage } from "./under_test.ts";

/** What `serve` would run with; the text is that of every file it reads. */
function config(args: string, yaml = ""): Partial<ServeConfig> {
  const { regions, identity, rewrite } = readServeConfig(
    args.split(" "),
    {},
    () => yaml,
  );
  return { regions, rewrite, ...identity === undefined ? {} : { identity } };
}

/** A proxy in front of answers by target; 404 for any other. */
async function stage(
  given: Partial<ServeConfig>,
  answers: Readonly<Record<string, string>>,
) {
  const none = answer("<h1>404</h1>", [], "404 Not Found");
  const it = await startStage(
    ({ target }, { write }) => write(answers[target] ?? none),
    given,
  );
  return {
    ...it,
    ask: (target: string, method = "GET") =>
      ask(it.proxy.address, get(target).replace(/^GET/, method)),
  };
}

/** What a profile shows of a region: names and zone ids by real ones. */
type Shown = readonly [
  profile: string,
  partition: string,
  domain: string,
  region: readonly [real: string, emulated: string],
  ids: Readonly<Record<string, string>>,
];

const C2S = ["aws-iso", "c2s.ic.gov"] as const;
const SC2S = ["aws-iso-b", "sc2s.sgov.gov"] as const;
const ISO_E = ["aws-iso-e", "cloud.adc-e.uk"] as const;
const ISO_F = ["aws-iso-f", "csp.hci.ic.gov"] as const;

const SHOWN: readonly Shown[] = [
  ["c2s", ...C2S, ["us-east-1", "us-iso-east-1"], {
    "use1-az1": "usie1-az1",
    "use1-az2": "usie1-az2",
    "use1-az3": "use1-az3",
    "use1-az14": "use1-az14",
  }],
  ["aws-iso", ...C2S, ["us-west-2", "us-iso-west-1"], {
    "usw2-az1": "usw2-az1",
  }],
  ["sc2s", ...SC2S, ["us-east-1", "us-isob-east-1"], {
    "use1-az1": "usibe1-az1",
    "use1-az2": "usibe1-az2",
    "use1-az3": "usibe1-az3",
    "use1-az4": "use1-az4",
  }],
  ["aws-iso-b", ...SC2S, ["us-west-2", "us-isob-west-1"], {}],
  ["aws-iso-e", ...ISO_E, ["eu-west-1", "eu-isoe-west-1"], {}],
  ["aws-iso-f", ...ISO_F, ["us-east-1", "us-isof-east-1"], {}],
  ["aws-iso-f", ...ISO_F, ["us-west-2", "us-isof-south-1"], {}],
];

/** Every affected path, and some that must not be: real text, shown text. */
function table(
  [, partition, domain, [real, region], ids]: Shown,
): Readonly<Record<string, readonly [real: string, shown: string]>> {
  const arn = (name: string) =>
    `{\n  "InstanceProfileArn" : "arn:${name}:iam::1:instance-profile/arn:aws:${real}",\n  "Note" : "arn:aws:x"\n}`;
  const outpost = (name: string, place: string) =>
    `arn:${name}:outposts:${place}:1:outpost/arn:aws:x`;
  const document = (place: string) =>
    `{\n  "accountId" : "1",\n  "availabilityZone" : "${place}b",\n  "region" : "${place}"\n}`;
  const nova = (zone: string) =>
    `{"availability_zone": "${zone}", "meta": {"zone": "${real}a"}, "name": "arn:aws:x"}`;
  const same = (text: string) => [text, text] as const;
  const paths = {
    "meta-data/services/partition": ["aws", partition],
    "meta-data/services/domain": ["amazonaws.com", domain],
    "meta-data/iam/info": [arn("aws"), arn(partition)],
    "meta-data/outpost-arn": [outpost("aws", real), outpost(partition, region)],
    "meta-data/placement/region": [real, region],
    "meta-data/placement/availability-zone": [`${real}a`, `${region}a`],
    "dynamic/instance-identity/document": [document(real), document(region)],
    ...Object.fromEntries(
      Object.entries(ids).map((id, i) => [
        // One upstream tells one id: a slash more or less is the same place.
        `meta-data/placement/availability-zone-id${"/".repeat(i)}`,
        id,
      ]),
    ),
    "meta-data/iam/security-credentials/": same(`role-${real}`),
    "meta-data/iam/security-credentials/r": same(`{"a":"arn:aws:x"}`),
    "meta-data/hostname": same(`ip-1.${real}.compute.internal`),
    "meta-data/tags/instance/arn": same(`arn:aws:iam::1:${real}`),
    "user-data": same(`arn:aws:iam::1:${real}`),
    "meta-data/ami-id": same("ami-1"),
  } as const;
  return Object.fromEntries(
    ["latest", "2021-01-03", "2009-04-04"].flatMap((version) => [
      ...Object.entries(paths)
        .map(([path, texts]) => [`/${version}/${path}`, texts] as const),
      [
        `/openstack/${version}/meta_data.json`,
        [nova(`${real}a`), nova(`${region}a`)] as const,
      ] as const,
    ]),
  );
}

for (const shown of SHOWN) {
  const [profile, , , [region]] = shown;
  Deno.test(`--profile ${profile} changes every affected path in ${region}, whatever the version`, async () => {
    const all = Object.entries(table(shown));
    await using it = await stage(
      config(`--profile ${profile}`),
      Object.fromEntries(
        all.map(([target, [real]]) => [target, answer(real, [`ETag: "1"`])]),
      ),
    );
    for (const [target, [real, expected]] of all) {
      const got = await it.ask(target);
      assertEquals(got.body, expected, target);
      assertEquals(valuesOf(got, "content-length"), [`${expected.length}`]);
      assertEquals(valuesOf(got, "etag").length, real === expected ? 1 : 0);
    }
  });
}

const PARTITION = "/latest/meta-data/services/partition";

Deno.test("--profile gives nothing away where the service refuses or has nothing, and changes GET and HEAD alone", async () => {
  const added = "/latest/meta-data/added";
  const given = config(
    "--profile c2s --config c.yaml",
    `overrides: {"*/meta-data/added": {text: secret}}`,
  );
  const statuses = ["401 No", "403 No", "429 Slow", "500 Oops", "503 Busy"];
  for (const status of statuses) {
    const no = answer("no", [], status);
    await using it = await stage(given, { [PARTITION]: no, [added]: no });
    for (const asked of [PARTITION, added]) {
      const got = await it.ask(asked);
      assertEquals([`${got.status}`, got.body], [status.slice(0, 3), "no"]);
    }
  }
  await using none = await stage(given, {});
  assertEquals((await none.ask(PARTITION)).status, 404);
  await using it = await stage(given, { [PARTITION]: answer("aws") });
  for (const method of ["PUT", "OPTIONS"]) {
    assertEquals((await it.ask(PARTITION, method)).body, "aws", method);
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
  const there = answer("x".repeat(30), ['ETag: "1"', "Content-Type: a/b"]);
  const none = answer("", [], "404 Not Found");
  const cases = [
    [PARTITION, there],
    ["/latest/user-data", there],
    ["/latest/meta-data/tags/instance/Name", there],
    ["/latest/nonesuch", none],
  ] as const;
  for (const [target, text] of cases) {
    await using it = await startStage(
      ({ method }, { write }) =>
        write(method === "HEAD" ? text.replace(/x+$/, "") : text),
      config("--profile c2s --config c.yaml", yaml),
    );
    const one = await it.ask(target);
    const other = await ask(
      it.proxy.address,
      get(target).replace("GET", "HEAD"),
    );
    assertEquals(other.status, one.status, target);
    assertEquals(fieldsOf(other), fieldsOf(one), target);
    assertEquals(other.body, "");
  }
});

Deno.test("--profile replaces compressed bodies and parts whole, and edits none", async () => {
  const packed = textOf(gzipSync(`{"region":"us-east-1"}`));
  const document = "/latest/dynamic/instance-identity/document";
  const headers = ["Content-Encoding: gzip", "Content-Language: en"];
  await using it = await stage(
    config(
      "--profile c2s --config c.yaml",
      `overrides: {"*/dynamic/instance-identity/document": {fields: {region: x}}}`,
    ),
    {
      [document]: answer(packed, headers),
      [PARTITION]: answer(
        packed,
        [...headers, "Content-Range: bytes 0-0/3"],
        "206 Partial Content",
      ),
    },
  );
  const untouched = await it.ask(document);
  assertEquals(untouched.body, packed);
  assertEquals(valuesOf(untouched, "content-encoding"), ["gzip"]);
  const replaced = await it.ask(PARTITION);
  assertEquals([replaced.status, replaced.body], [200, "aws-iso"]);
  for (const name of ["encoding", "language", "range"]) {
    assertEquals(valuesOf(replaced, `content-${name}`), [], name);
  }
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
  const arn = `{"InstanceProfileArn":"arn:aws:x"}`;
  for (
    const [region, shown] of [
      ["us-east-1=us-iso-west-1", "us-iso-west-1"],
      ["none", "us-east-1"],
    ] as const
  ) {
    const expected: readonly (readonly [string, string, string])[] = [
      ["services/partition", "aws", "aws-iso"],
      ["placement/region", "us-east-1", shown],
      // That id is one of us-iso-east-1.
      ["placement/availability-zone-id", "use1-az1", "use1-az1"],
      ["iam/info", arn, arn.replace("aws", "aws-iso")],
    ];
    await using it = await stage(
      config(`--profile c2s --region ${region}`),
      Object.fromEntries(expected.map(([path, real]) => [
        `/latest/meta-data/${path}`,
        answer(real),
      ])),
    );
    for (const [path, , body] of expected) {
      assertEquals((await it.ask(`/latest/meta-data/${path}`)).body, body);
    }
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
