import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import {
  BUILT_IN_PROFILES,
  builtInProfiles,
  findProfile,
  PROFILE_NAMES,
} from "../../lib/config/profiles.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { sourceFiles } from "../helpers/files.ts";

/** Reads a configuration from files by path. */
function read(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
) {
  return readServeConfig(args, env, (path) => {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound();
    return text;
  });
}

Deno.test("every built-in profile names the source beside each value", () => {
  for (const { name, yaml } of BUILT_IN_PROFILES) {
    for (const key of ["partition", "domain", "regions", "zone-ids"]) {
      const at = yaml.search(new RegExp(`^${key}:`, "m"));
      if (at < 0) continue;
      const above = yaml.slice(0, at).trimEnd().split("\n\n").at(-1) ?? "";
      assertStringIncludes(above, "#", `${name}, ${key}`);
    }
    const ids = yaml.split("zone-ids:")[1];
    if (ids !== undefined) assertStringIncludes(ids, "# Source of", name);
  }
});

Deno.test("the built-in profiles are those of the isolated partitions", () => {
  assertEquals(
    builtInProfiles().map(({ partition, domain, regions }) => [
      partition,
      domain,
      ...regions.map(([, name]) => name),
    ]),
    [
      ["aws-iso", "c2s.ic.gov", "us-iso-east-1", "us-iso-west-1"],
      ["aws-iso-b", "sc2s.sgov.gov", "us-isob-east-1", "us-isob-west-1"],
      ["aws-iso-e", "cloud.adc-e.uk", "eu-isoe-west-1"],
      ["aws-iso-f", "csp.hci.ic.gov", "us-isof-east-1", "us-isof-south-1"],
    ],
  );
});

Deno.test("findProfile() knows every profile by the name of its partition", () => {
  for (const name of PROFILE_NAMES) {
    const { profile } = findProfile({ text: name, source: "test" }, () => "");
    assertEquals([profile.name, profile.partition].includes(name), true, name);
  }
});

Deno.test("readServeConfig() takes the regions of the profile unless told", () => {
  const regions = (...args: Parameters<typeof read>) =>
    [...read(...args).regions].map((pair) => pair.join("="));
  const own = ["us-east-1=us-iso-east-1", "us-west-2=us-iso-west-1"];
  assertEquals(regions(["--profile=c2s"]), own);
  assertEquals(regions([], {}, { C2S_IMDS_PROFILE: "c2s" }), own);
  assertEquals(
    regions(["--config=c.yaml"], { "c.yaml": "profile: c2s" }),
    own,
  );
  assertEquals(regions(["--profile=c2s", "--region=us-east-2=b"]), [
    "us-east-2=b",
  ]);
  assertEquals(regions(["--profile=c2s", "--region=none"]), []);
  assertEquals(regions(["--profile=c2s", "--emulatedRegion=b"]), [
    "us-east-1=b",
  ]);
  assertEquals(
    regions(["--profile=c2s", "--config=c.yaml"], {
      "c.yaml": "region: {us-east-2: b}",
    }),
    ["us-east-2=b"],
  );
});

Deno.test("readServeConfig() says nothing of an identity when there is none", () => {
  assertEquals("identity" in read([]), false);
  assertEquals(
    "identity" in read(["--config=c.yaml"], { "c.yaml": "overrides: {}" }),
    false,
  );
});

Deno.test("readServeConfig() reads a profile over its base, files beside it", () => {
  const { identity } = read(["--profile=etc/p.yaml", "--config=c.yaml"], {
    "etc/p.yaml": `base: sc2s
domain: example.test
zones: {us-east-1a: us-isob-east-1c}
zone-ids: {us-isob-east-1: {use1-az1: x, use1-az9: y}}
overrides:
  "*/a": {file: data/a.txt}
  "*/b": {file: b.txt}
`,
    "etc/data/a.txt": "A",
    "etc/b.txt": "B",
    "c.yaml": `overrides: {"*/a": {text: "first"}}`,
  });
  assertEquals(identity, {
    profile: "etc/p.yaml",
    partition: "aws-iso-b",
    domain: "example.test",
    zones: [["us-east-1a", "us-isob-east-1c"]],
    zoneIds: [["use1-az1", "x"], ["use1-az2", "usibe1-az2"], [
      "use1-az3",
      "usibe1-az3",
    ], ["use1-az9", "y"]],
    hostNames: false,
    overrides: [
      { path: "*/a", kind: "text", text: "first" },
      { path: "*/a", kind: "text", text: "A" },
      { path: "*/b", kind: "text", text: "B" },
    ],
  });
});

const NAMES = PROFILE_NAMES.join(", ");
const KEYS =
  "base, partition, domain, regions, zones, zone-ids, host-names, overrides";

/** What is wrong in `p.yaml`, and the line that says so. */
const WRONG: readonly (readonly [yaml: string, message: string])[] = [
  ["[c2s]", `Cannot use a list for "p.yaml": expected a mapping with ${KEYS}`],
  ["c2s", `Cannot use a text for "p.yaml": expected a mapping with ${KEYS}`],
  ["a: [", `Cannot read profile "p.yaml": expected YAML: `],
  ...["", "# none", "domain: x", "regions: {}", "overrides: {}"].map((
    yaml,
  ) =>
    [yaml, `Cannot use profile "p.yaml": expected regions or base`] as const
  ),
  [
    "partitions: x",
    `Unknown key "partitions" in "p.yaml": did you mean "partition"?`,
  ],
  ["frob: x", `Unknown key "frob" in "p.yaml": expected ${KEYS}`],
  [
    "base: c3s",
    `Cannot use "c3s" for key "base" in "p.yaml": expected one of ${NAMES}`,
  ],
  [
    "base: ./q.yaml",
    `Cannot use "./q.yaml" for key "base" in "p.yaml": expected one of ${NAMES}`,
  ],
  [
    "partition: AWS iso",
    `Cannot use "AWS iso" for key "partition" in "p.yaml": expected a partition, such as aws-iso`,
  ],
  [
    "partition: 5",
    `Cannot use 5 for key "partition" in "p.yaml": expected a partition, such as aws-iso`,
  ],
  [
    "domain: http://x",
    `Cannot use "http://x" for key "domain" in "p.yaml": expected a DNS suffix, such as c2s.ic.gov`,
  ],
  [
    "host-names: 'yes'",
    `Cannot use "yes" for key "host-names" in "p.yaml": expected true or false without quotes`,
  ],
  [
    "regions: [a]",
    `Cannot use a list for key "regions" in "p.yaml": expected a mapping of real to emulated regions`,
  ],
  [
    "regions: {us east: b}",
    `Cannot use "b" for key "regions > us east" in "p.yaml": expected the name of a real region as its key`,
  ],
  [
    "regions: {us-east-1: b c}",
    `Cannot use "b c" for key "regions > us-east-1" in "p.yaml": expected the name of a region`,
  ],
  [
    "regions: {us-east-1: 1}",
    `Cannot use 1 for key "regions > us-east-1" in "p.yaml": expected the name of a region`,
  ],
  [
    "regions: {us-esat-1: b}",
    `Cannot use "b" for key "regions > us-esat-1" in "p.yaml": expected a real region, such as us-east-1, as its key`,
  ],
  [
    "regions: {us-east-1: us-east-1}",
    `Cannot use "us-east-1" for key "regions > us-east-1" in "p.yaml": expected another region than the real one`,
  ],
  [
    "regions: {us-east-1: us-east-2, us-east-2: c}",
    `Cannot use a mapping for key "regions" in "p.yaml": expected no chain, but "us-east-2" is emulated and real`,
  ],
  [
    "base: c2s\nregions: {us-iso-east-1: x}",
    `Cannot use a mapping for key "regions" in "p.yaml": expected no chain, but "us-iso-east-1" is emulated and real`,
  ],
  [
    "zones: {us-east-1a: x}",
    `Cannot use "x" for key "zones > us-east-1a" in "p.yaml": expected a zone of a real region as its key`,
  ],
  [
    "base: c2s\nzones: {eu-west-1a: us-iso-east-1a}",
    `Cannot use "us-iso-east-1a" for key "zones > eu-west-1a" in "p.yaml": expected a zone of us-east-1, us-west-2 as its key`,
  ],
  [
    "base: c2s\nzones: {us-east-1a: us-iso-west-1a}",
    `Cannot use "us-iso-west-1a" for key "zones > us-east-1a" in "p.yaml": expected a zone of us-iso-east-1, as which us-east-1 shows`,
  ],
  [
    "base: c2s\nzones: {us-east-1a: us-iso-east-1}",
    `Cannot use "us-iso-east-1" for key "zones > us-east-1a" in "p.yaml": expected a zone of us-iso-east-1, as which us-east-1 shows`,
  ],
  [
    "base: c2s\nzone-ids: {use1-az1: x}",
    `Cannot use "x" for key "zone-ids > use1-az1" in "p.yaml": expected us-iso-east-1, us-iso-west-1 as its key`,
  ],
  [
    "base: c2s\nzone-ids: {us-iso-east-1: x}",
    `Cannot use "x" for key "zone-ids > us-iso-east-1" in "p.yaml": expected a mapping of real to emulated zone ids`,
  ],
  [
    "base: c2s\nzone-ids: {us-iso-east-1: {a: [b]}}",
    `Cannot use a list for key "zone-ids > us-iso-east-1 > a" in "p.yaml": expected the name of a zone id`,
  ],
  [
    "base: c2s\nzone-ids: {us-iso-east-1: {use1-az4: usie1-az2}}",
    `Cannot use "usie1-az2" for key "zone-ids > us-iso-east-1 > use1-az4" in "p.yaml": expected another zone id, "use1-az2" shows as it`,
  ],
  [
    "base: c2s\nzone-ids: {us-iso-east-1: {use1-az2: x, use1-az4: x}}",
    `Cannot use "x" for key "zone-ids > us-iso-east-1 > use1-az2" in "p.yaml": expected another zone id, "use1-az4" shows as it`,
  ],
  [
    "overrides: [a]",
    `Cannot use a list for key "overrides" in "p.yaml": expected a mapping of paths to answers`,
  ],
  [
    `overrides: {"*/a b": {text: x}}`,
    `Cannot use a mapping for key "overrides > */a b" in "p.yaml": expected a path as its key, such as "*/meta-data/tags", where * is a whole segment`,
  ],
  [
    `overrides: {"*/a*": {text: x}}`,
    `Cannot use a mapping for key "overrides > */a*" in "p.yaml": expected a path as its key, such as "*/meta-data/tags", where * is a whole segment`,
  ],
  [
    `overrides: {"*/a": x}`,
    `Cannot use a text for key "overrides > */a" in "p.yaml": expected a mapping with text, file, status, fields`,
  ],
  [
    `overrides: {"*/a": {}}`,
    `Cannot use a mapping for key "overrides > */a" in "p.yaml": expected exactly one of text, file, status, fields`,
  ],
  [
    `overrides: {"*/a": {text: x, status: 404}}`,
    `Cannot use a mapping for key "overrides > */a" in "p.yaml": expected exactly one of text, file, status, fields`,
  ],
  [
    `overrides: {"*/a": {body: x}}`,
    `Unknown key under "overrides > */a" in "p.yaml": expected text, file, status, fields`,
  ],
  [
    `overrides: {"*/a": {text: 1}}`,
    `Cannot use a number for key "overrides > */a > text" in "p.yaml": expected text of 64 KiB at most, in quotes where YAML takes it for something else`,
  ],
  [
    `overrides: {"*/a": {status: 403}}`,
    `Cannot use a number for key "overrides > */a > status" in "p.yaml": expected 404`,
  ],
  [
    `overrides: {"*/a": {file: gone.txt}}`,
    `Cannot use a text for key "overrides > */a > file" in "p.yaml": expected a file that can be read: no such file`,
  ],
  ...["/etc/shadow", "../a", "a/../../b", "..", "a/.."].map((path) =>
    [
      `overrides: {"*/a": {file: ${path}}}`,
      `Cannot use a text for key "overrides > */a > file" in "p.yaml": expected the path of a file beside this one, not from / and without ..`,
    ] as const
  ),
  [
    `overrides: {"*/a": {file: big.txt}}`,
    `Cannot use a text for key "overrides > */a > file" in "p.yaml": expected a file of 64 KiB at most`,
  ],
  [
    `overrides: {"*/a": {fields: {}}}`,
    `Cannot use a mapping for key "overrides > */a > fields" in "p.yaml": expected at least one field`,
  ],
  [
    `overrides: {"*/a": {fields: {region: 1}}}`,
    `Cannot use a number for key "overrides > */a > fields > region" in "p.yaml": expected text of 64 KiB at most, in quotes where YAML takes it for something else`,
  ],
  [
    `overrides: {${
      Array.from({ length: 5 }, (_, i) => `"a/${i}": {file: full.txt}`).join(
        ", ",
      )
    }}`,
    `Cannot use a mapping for key "overrides" in "p.yaml": expected texts of 256 KiB as JSON in all at most`,
  ],
];

Deno.test("readServeConfig() finds a profile beside the file that names it", () => {
  const mine = "base: c2s\noverrides: {a: {file: a.txt}}\n";
  for (
    const [config, profile, file, text] of [
      ["d/c.yaml", "mine.yaml", "d/mine.yaml", "d/a.txt"],
      ["d/c.yaml", "./mine", "d/./mine", "d/./a.txt"],
      ["./c.yaml", "./mine", "././mine", "a.txt"],
      ["c.yaml", "e/mine.yaml", "e/mine.yaml", "e/a.txt"],
      ["/d/c.yaml", "/e/mine.yaml", "/e/mine.yaml", "/e/a.txt"],
    ] as const
  ) {
    const { identity } = read([`--config=${config}`], {
      [config]: `profile: ${profile}`,
      [file]: mine,
      [text]: "x",
    });
    assertEquals(identity?.overrides.length, 1, file);
  }
  assertEquals(
    read(["--config=d/c.yaml"], { "d/c.yaml": "profile: c2s" }).identity
      ?.profile,
    "c2s",
  );
});

Deno.test("readServeConfig() says in one line what is wrong with a profile", async (t) => {
  for (const [yaml, message] of WRONG) {
    await t.step(yaml.slice(0, 60), () => {
      const error = assertThrows(
        () =>
          read(["--profile=p.yaml"], {
            "p.yaml": yaml,
            "big.txt": "x".repeat(64 * 1024 + 1),
            "full.txt": "x".repeat(64 * 1024),
          }),
        UsageError,
      );
      const whole = message.endsWith(": ")
        ? error.message.slice(0, message.length)
        : error.message;
      assertEquals(whole, message);
      assertEquals(error.message.includes("\n"), false);
    });
  }
});

Deno.test("readServeConfig() says in one line what is wrong with --profile and overrides", () => {
  const wrong = (args: readonly string[], yaml: string) =>
    assertThrows(() => read(args, { "c.yaml": yaml }), UsageError).message;
  assertEquals(
    wrong(["--profile=c2"], ""),
    `Cannot use "c2" for --profile: expected ${NAMES} or a file such as ./mine.yaml`,
  );
  assertEquals(
    wrong(["--profile=./gone.yaml"], ""),
    `Cannot read profile "./gone.yaml": no such file`,
  );
  assertEquals(
    wrong(["--config=c.yaml"], "profile: c2"),
    `Cannot use "c2" for key "profile" in "c.yaml": expected ${NAMES} or a file such as ./mine.yaml`,
  );
  assertEquals(
    wrong(["--config=c.yaml"], `overrides: {"*/a": {status: 500}}`),
    `Cannot use a number for key "overrides > */a > status" in "c.yaml": expected 404`,
  );
  assertEquals(
    wrong(["--config=c.yaml"], "override: {}"),
    `Unknown key "override" in "c.yaml": did you mean "overrides"?`,
  );
});

Deno.test("the profile of docs/rewriting.md is one", () => {
  const [, yaml = ""] = sourceFiles("docs/rewriting.md")[0]?.text.match(
    /```yaml\n(base: .*?)```/s,
  ) ?? [];
  const { identity } = read(["--profile=./mine.yaml"], {
    "./mine.yaml": yaml,
    "user-data.txt": "#cloud-config",
  });
  assertEquals(identity?.zones, [
    ["us-east-1a", "us-iso-east-1b"],
    ["us-east-1b", "us-iso-east-1a"],
  ]);
  assertEquals(identity?.zoneIds.at(-1), ["use1-az4", "usie1-az3"]);
  assertEquals(identity?.overrides.length, 4);
});
