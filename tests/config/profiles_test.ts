import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import {
  builtInProfiles,
  findProfile,
  PROFILE_NAMES,
} from "../../lib/config/profiles.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { sourceFiles } from "../helpers/files.ts";

/** Reads a configuration from files by path. */
function read(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
) {
  return readServeConfig(args, {}, (path) => {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound();
    return text;
  });
}

Deno.test("the built-in profiles are those of the isolated partitions, each value with its source", () => {
  assertEquals(
    builtInProfiles().map(({ name, partition, domain, regions }) => [
      ...[name, partition, domain],
      ...regions.map(([, name]) => name),
    ]),
    [
      ["c2s", "aws-iso", "c2s.ic.gov", "us-iso-east-1", "us-iso-west-1"],
      [
        ...["sc2s", "aws-iso-b", "sc2s.sgov.gov"],
        ...["us-isob-east-1", "us-isob-west-1"],
      ],
      ["aws-iso-e", "aws-iso-e", "cloud.adc-e.uk", "eu-isoe-west-1"],
      [
        ...["aws-iso-f", "aws-iso-f", "csp.hci.ic.gov"],
        ...["us-isof-east-1", "us-isof-south-1"],
      ],
    ],
  );
  for (const text of PROFILE_NAMES) {
    const { profile, yaml } = findProfile({ text, source: "test" }, () => "");
    assertEquals([profile.name, profile.partition].includes(text), true, text);
    for (const key of ["partition", "domain", "regions", "zone-ids"]) {
      const at = yaml.search(new RegExp(`^${key}:`, "m"));
      if (at < 0) continue;
      const above = yaml.slice(0, at).trimEnd().split("\n\n").at(-1) ?? "";
      assertStringIncludes(above, "#", `${text}, ${key}`);
    }
    const ids = yaml.split("zone-ids:")[1];
    if (ids !== undefined) assertStringIncludes(ids, "# Source of", text);
  }
});

Deno.test("readServeConfig() takes the regions of the profile unless told", () => {
  const own = "us-east-1=us-iso-east-1 us-west-2=us-iso-west-1";
  for (
    const [flag, yaml, regions] of [
      ["--profile=c2s", "", own],
      ["--cache=1", "profile: c2s", own],
      ["--region=us-east-2=b", "profile: c2s", "us-east-2=b"],
      ["--region=none", "profile: c2s", ""],
      ["--emulatedRegion=b", "profile: c2s", "us-east-1=b"],
      ["--profile=c2s", "region: {us-east-2: b}", "us-east-2=b"],
    ] as const
  ) {
    const config = read([flag, "--config=c.yaml"], { "c.yaml": yaml });
    const pairs = [...config.regions].map((pair) => pair.join("="));
    assertEquals(pairs.join(" "), regions, flag + yaml);
    const { zoneIds = [] } = config.identity ?? {};
    assertEquals(zoneIds.length > 0, regions === own);
  }
  assertEquals(read([]).identity, undefined);
});

Deno.test("readServeConfig() reads a profile over its base, files beside it", () => {
  const { identity, regions } = read(
    ["--profile=etc/p.yaml", "--config=c.yaml"],
    {
      "etc/p.yaml": `base: sc2s
domain: example.test
host-names: true
regions: {us-east-1: us-isob-east-1, us-west-2: x}
zones: {us-east-1a: us-isob-east-1c}
zone-ids: {us-isob-east-1: {use1-az1: x, use1-az9: y}}
overrides:
  "*/a": {file: data/a.txt}
  "*/b": {status: 404}
  "*/c": {fields: {region: r}}
`,
      "etc/data/a.txt": "A",
      "c.yaml": `overrides: {"*/a": {text: "first"}}`,
    },
  );
  assertEquals(regions.get("us-west-2"), "x");
  assertEquals(identity, {
    profile: "etc/p.yaml",
    partition: "aws-iso-b",
    domain: "example.test",
    zones: [["us-east-1a", "us-isob-east-1c"]],
    zoneIds: [["use1-az1", "x"], ["use1-az2", "usibe1-az2"], [
      "use1-az3",
      "usibe1-az3",
    ], ["use1-az9", "y"]],
    hostNames: true,
    overrides: [
      { path: "*/a", kind: "text", text: "first" },
      { path: "*/a", kind: "text", text: "A" },
      { path: "*/b", kind: "absent" },
      { path: "*/c", kind: "fields", fields: { region: "r" } },
    ],
  });
});

Deno.test("readServeConfig() has no zones and ids of regions that are not emulated", () => {
  const { identity } = read(["--profile=./p"], {
    "./p": "base: c2s\nregions: {us-east-1: x}",
  });
  assertEquals(identity?.zoneIds, []);
  const other = read(["--profile=./p", "--region=us-east-1=y"], {
    "./p": "base: c2s\nzones: {us-east-1a: us-iso-east-1b}",
  });
  assertEquals(other.identity?.zones, []);
});

Deno.test("readServeConfig() finds a profile beside the file that names it", () => {
  for (
    const [config, profile, file, text] of [
      ["d/c.yaml", "mine.yaml", "d/mine.yaml", "d/a.txt"],
      ["d/c.yaml", "./mine", "d/./mine", "d/./a.txt"],
      ["c.yaml", "e/mine.yaml", "e/mine.yaml", "e/a.txt"],
      ["/d/c.yaml", "/e/mine.yaml", "/e/mine.yaml", "/e/a.txt"],
    ] as const
  ) {
    const { identity } = read([`--config=${config}`], {
      [config]: `profile: ${profile}`,
      [file]: "base: c2s\noverrides: {a: {file: a.txt}}\n",
      [text]: "x",
    });
    assertEquals(identity?.overrides.length, 1, file);
  }
  const named = read(["--config=d/c.yaml"], { "d/c.yaml": "profile: c2s" });
  assertEquals(named.identity?.profile, "c2s");
});

const NAMES = PROFILE_NAMES.join(", ");
const FILE = "the path of a file beside this one, not from / and without ..";
const PATH =
  `a path as its key, such as "*/meta-data/tags", where * is a whole segment`;
const KIND = "exactly one of text, file, status, fields";
const TEXT =
  "text of 64 KiB at most, in quotes where YAML takes it for something else";
/** What is wrong in `p.yaml`: what was found for which key, and expected. */
const WRONG: Readonly<Record<string, string>> = {
  "base: c3s": `"c3s" for base: one of ${NAMES}`,
  "base: ./q.yaml": `"./q.yaml" for base: one of ${NAMES}`,
  "partition: 5": "5 for partition: a partition, such as aws-iso",
  "partition: AWS iso": `"AWS iso" for partition: a partition, such as aws-iso`,
  "domain: http://x": `"http://x" for domain: a DNS suffix, such as c2s.ic.gov`,
  "host-names: 'yes'": `"yes" for host-names: true or false without quotes`,
  "regions: [a]": "a list for regions: a mapping of real to emulated regions",
  "regions: {us east: b}":
    `"b" for regions > us east: the name of a real region as its key`,
  "regions: {us-east-1: 1}": "1 for regions > us-east-1: the name of a region",
  "regions: {us-esat-1: b}":
    `"us-esat-1=b" for regions > us-esat-1: a real region, such as us-east-1 or us-gov-west-1, before "="`,
  "base: c2s\nregions: {us-iso-east-1: x}":
    `"us-east-1=us-iso-east-1" for regions > us-east-1: no chain, but another map starts at "us-iso-east-1"`,
  "zones: {us-east-1a: x}":
    `"x" for zones > us-east-1a: a zone of a real region as its key`,
  "base: c2s\nzones: {eu-west-1a: us-iso-east-1a}":
    `"us-iso-east-1a" for zones > eu-west-1a: a zone of us-east-1, us-west-2 as its key`,
  "base: c2s\nzones: {us-east-1a: us-iso-west-1a}":
    `"us-iso-west-1a" for zones > us-east-1a: a zone of us-iso-east-1, as which us-east-1 shows`,
  "base: c2s\nzones: {us-east-1a: us-iso-east-1}":
    `"us-iso-east-1" for zones > us-east-1a: a zone of us-iso-east-1, as which us-east-1 shows`,
  "base: c2s\nzone-ids: {use1-az1: x}":
    `"x" for zone-ids > use1-az1: us-iso-east-1, us-iso-west-1 as its key`,
  "base: c2s\nzone-ids: {us-iso-east-1: x}":
    `"x" for zone-ids > us-iso-east-1: a mapping of real to emulated zone ids`,
  "base: c2s\nzone-ids: {us-iso-east-1: {use1-az4: usie1-az2}}":
    `"usie1-az2" for zone-ids > us-iso-east-1 > use1-az4: another zone id, "use1-az2" shows as it`,
  "base: c2s\nzone-ids: {us-iso-east-1: {use1-az2: x, use1-az4: x}}":
    `"x" for zone-ids > us-iso-east-1 > use1-az4: another zone id, "use1-az2" shows as it`,
  "overrides: [a]": "a list for overrides: a mapping of paths to answers",
  [`overrides: {${[1, 2, 3, 4, 5].map((i) => `a/${i}: {file: full.txt}`)}}`]:
    "a mapping for overrides: texts of 256 KiB as JSON in all at most",
  [`overrides: {"*/a b": {text: x}}`]:
    `a mapping for overrides > */a b: ${PATH}`,
  [`overrides: {"/a\\nX: y": {text: x}}`]:
    `a mapping for overrides > /a\\nX: y: ${PATH}`,
  [`overrides: {"*/a*": {text: x}}`]: `a mapping for overrides > */a*: ${PATH}`,
};

/** What is wrong in an override. */
const WRONG_OVERRIDES: Readonly<Record<string, string>> = {
  "{}": `a mapping for overrides > */a: ${KIND}`,
  "{text: x, status: 404}": `a mapping for overrides > */a: ${KIND}`,
  "{text: 1}": `a number for overrides > */a > text: ${TEXT}`,
  "{status: 403}": "a number for overrides > */a > status: 404",
  "{file: gone.txt}":
    "a text for overrides > */a > file: a file that can be read: no such file",
  "{file: /etc/shadow}": `a text for overrides > */a > file: ${FILE}`,
  "{file: ../a}": `a text for overrides > */a > file: ${FILE}`,
  "{file: a/../../b}": `a text for overrides > */a > file: ${FILE}`,
  "{file: a/..}": `a text for overrides > */a > file: ${FILE}`,
  "{file: big.txt}":
    "a text for overrides > */a > file: a file of 64 KiB at most",
  "{fields: {}}": "a mapping for overrides > */a > fields: at least one field",
  "{fields: {region: 1}}":
    `a number for overrides > */a > fields > region: ${TEXT}`,
};

Deno.test("readServeConfig() says in one line what is wrong with a profile", () => {
  const refusal = (flag: string, yaml: string) =>
    assertThrows(
      () =>
        read([flag], {
          "p.yaml": yaml,
          "big.txt": "x".repeat(64 * 1024 + 1),
          "full.txt": "x".repeat(64 * 1024),
        }),
      UsageError,
    ).message;
  const short = (message: string) =>
    message.replace(
      /^Cannot use (.*) for key "(.*)" in "p.yaml": expected /,
      "$1 for $2: ",
    );
  for (const [yaml, message] of Object.entries(WRONG)) {
    assertEquals(
      short(refusal("--profile=p.yaml", yaml)),
      message,
    );
  }
  for (const [value, message] of Object.entries(WRONG_OVERRIDES)) {
    const yaml = `overrides: {"*/a": ${value}}`;
    assertEquals(short(refusal("--profile=p.yaml", yaml)), message);
  }
  const regions = `Cannot use profile "p.yaml": expected regions or base`;
  for (
    const [flag, yaml, message] of [
      ["--profile=p.yaml", "", regions],
      ["--profile=p.yaml", "domain: x", regions],
      ["--profile=p.yaml", "regions: {}", regions],
      [
        "--profile=p.yaml",
        "frob: x",
        `Unknown key "frob" in "p.yaml": expected base, partition, domain, regions, zones, zone-ids, host-names, overrides`,
      ],
      [
        "--profile=gone.yaml",
        "",
        `Cannot read profile "gone.yaml": no such file`,
      ],
      [
        "--config=p.yaml",
        "profile: c2",
        `Cannot use "c2" for key "profile" in "p.yaml": expected ${NAMES} or a file such as ./mine.yaml`,
      ],
    ] as const
  ) assertEquals(refusal(flag, yaml), message);
});

Deno.test("the profile of docs/rewriting.md is one", () => {
  const [, yaml = ""] = sourceFiles("docs/rewriting.md")[0]?.text.match(
    /```yaml\n(base: .*?)```/s,
  ) ?? [];
  const { identity } = read(["--profile=./mine.yaml"], {
    "./mine.yaml": yaml,
    "./user-data.txt": "#cloud-config",
  });
  assertEquals(identity?.zones.length, 2);
  assertEquals(identity?.zoneIds.at(-1), ["use1-az4", "usie1-az3"]);
  assertEquals(identity?.overrides.length, 4);
});
