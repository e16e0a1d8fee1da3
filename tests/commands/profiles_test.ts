import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { EXIT } from "../../lib/cli/command.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { profiles } from "../../lib/commands/profiles.ts";
import { fakeIo } from "../helpers/io.ts";
import { runProgram } from "../helpers/program.ts";

const FILES = {
  "./empty.yaml": "",
  "./p.yaml": `host-names: true
regions: {us-east-1: us-iso-east-1}
zones: {us-east-1a: us-iso-east-1b}
overrides:
  "*/user-data": {text: "${"long ".repeat(20)}"}
  "*/meta-data/tags": {status: 404}
  "*/dynamic/instance-identity/document": {fields: {region: "a\\nb"}}
`,
};

function run(line: string): string {
  const { io, written } = fakeIo({ files: FILES });
  profiles.run(line.split(" ").filter((word) => word !== ""), io);
  return written.stdout;
}

Deno.test("profiles list names every profile with its partition", () => {
  const stdout = run("list");
  assertMatch(stdout, /^profile +partition +domain +regions\nc2s +aws-iso /);
  assertEquals(stdout.split("\n").length, 6);
  assertEquals(run("ls"), stdout);
});

Deno.test("profiles show tells what changes and what stays, or prints the definition", () => {
  for (
    const [line, ...patterns] of [
      [
        "show aws-iso",
        /^profile +c2s$/m,
        /^region +us-east-1 → us-iso-east-1$/m,
        /^zone id +use1-az1 → usie1-az1$/m,
        /^other zone ids +stay as they are$/m,
        /^ARN +arn:aws: → arn:aws-iso:$/m,
        /^domain +\*\/meta-data\/services\/domain: c2s\.ic\.gov$/m,
        /^host names +stay as they are$/m,
      ],
      [
        "show ./p.yaml",
        /^partition +stays as it is$/m,
        /^zone +us-east-1a → us-iso-east-1b$/m,
        /^zone ids +stay as they are$/m,
        /^host names +follow the region$/m,
        /^override +\*\/user-data: "long .*… \(100 characters\)$/m,
        /^override +\*\/meta-data\/tags and all below: 404$/m,
        /document: region "a\\nb"$/m,
      ],
      ["show c2s --yaml", /^# C2S, [^]*\npartition: aws-iso\n/],
    ] as const
  ) {
    for (const pattern of patterns) assertMatch(run(line), pattern);
  }
  assertEquals(run("show ./p.yaml --yaml"), FILES["./p.yaml"]);
});

Deno.test("profiles refuses what it does not know", () => {
  for (
    const [line, message] of [
      ["", "No verb: expected list, ls, show"],
      ["frob", `Unknown verb "frob": expected list, ls, show`],
      ["list x", `Unexpected argument "x"`],
      ["list --yaml", "Cannot use --yaml with list: it is for show"],
      ["show", "No profile: expected show NAME|FILE"],
      ["show c2s sc2s", `Unexpected argument "sc2s"`],
      ["show ./empty.yaml", `Cannot use profile "./empty.yaml"`],
    ] as const
  ) assertThrows(() => run(line), UsageError, message);
});

Deno.test("c2s-imds profiles ends with 2 for a profile that is none", async () => {
  assertEquals(await runProgram(["profiles", "show", "c3s"]), {
    code: EXIT.USAGE,
    stdout: "",
    stderr:
      'c2s-imds: Cannot use "c3s" for show: expected c2s, aws-iso, sc2s, aws-iso-b, aws-iso-e, aws-iso-f or a file such as ./mine.yaml\n',
  });
});
