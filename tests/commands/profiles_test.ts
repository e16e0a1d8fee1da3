import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { EXIT } from "../../lib/cli/command.ts";
import { profiles } from "../../lib/commands/profiles.ts";
import { fakeIo } from "../helpers/io.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { BUILT_IN_PROFILES } from "../../lib/config/profiles.ts";
import { runProgram } from "../helpers/program.ts";

function run(args: readonly string[], files: Record<string, string> = {}) {
  const { io, written } = fakeIo({ files });
  const code = profiles.run(args, io);
  return { code, ...written };
}

Deno.test("profiles list names every profile with its partition", () => {
  const { stdout } = run(["list"]);
  assertMatch(stdout, /^profile +partition +domain +regions\nc2s +aws-iso /);
  assertEquals(stdout.split("\n").length, BUILT_IN_PROFILES.length + 2);
});

Deno.test("profiles show tells what changes and what stays", () => {
  const { stdout } = run(["show", "aws-iso"]);
  for (
    const line of [
      /^profile +c2s$/m,
      /^region +us-east-1 → us-iso-east-1$/m,
      /^zone id +use1-az1 → usie1-az1$/m,
      /^other zone ids +stay as they are$/m,
      /^ARN +arn:aws: → arn:aws-iso:$/m,
      /^domain +\*\/meta-data\/services\/domain: c2s\.ic\.gov$/m,
      /^host names +stay as they are$/m,
    ]
  ) assertMatch(stdout, line);
});

Deno.test("profiles show tells what a file changes", () => {
  const { stdout } = run(["show", "./p.yaml"], {
    "./p.yaml": `host-names: true
regions: {us-east-1: us-iso-east-1}
zones: {us-east-1a: us-iso-east-1b}
overrides:
  "*/user-data": {text: "${"long ".repeat(20)}"}
  "*/meta-data/tags": {status: 404}
  "*/dynamic/instance-identity/document": {fields: {region: "a\\nb"}}
`,
  });
  for (
    const line of [
      /^partition +stays as it is$/m,
      /^zone +us-east-1a → us-iso-east-1b$/m,
      /^zone ids +stay as they are$/m,
      /^host names +follow the region$/m,
      /^override +\*\/user-data: "long .*… \(100 characters\)$/m,
      /^override +\*\/meta-data\/tags and all below: 404$/m,
      /document: region "a\\nb"$/m,
    ]
  ) assertMatch(stdout, line);
});

Deno.test("profiles show prints the definition when asked for YAML", () => {
  for (const { name, yaml } of BUILT_IN_PROFILES) {
    assertEquals(run(["show", name, "--yaml"]).stdout, yaml);
  }
});

Deno.test("profiles refuses what it does not know", () => {
  for (
    const [line, message] of [
      ["", "No verb: expected list or show NAME|FILE"],
      ["frob", `Unknown verb "frob": expected list or show NAME|FILE`],
      ["list x", `Unexpected argument "x"`],
      ["list --yaml", "Cannot use --yaml with list: it is for show"],
      ["show", "No profile: expected show NAME|FILE"],
      ["show c2s sc2s", `Unexpected argument "sc2s"`],
      [
        "show ./empty.yaml",
        `Cannot use profile "./empty.yaml": expected regions or base`,
      ],
    ] as const
  ) {
    assertThrows(
      () =>
        run(line.split(" ").filter((word) => word !== ""), {
          "./empty.yaml": "",
        }),
      UsageError,
      message,
    );
  }
});

Deno.test("c2s-imds profiles prints a profile and ends with 0, or with 2", async () => {
  const { code, stdout, stderr } = await runProgram(["profiles", "list"]);
  assertEquals([code, stderr], [EXIT.OK, ""]);
  assertMatch(stdout, /^sc2s +aws-iso-b +sc2s\.sgov\.gov/m);
  assertEquals(await runProgram(["profiles", "show", "c3s"]), {
    code: EXIT.USAGE,
    stdout: "",
    stderr:
      'c2s-imds: Cannot use "c3s" for show: expected c2s, aws-iso, sc2s, aws-iso-b, aws-iso-e, aws-iso-f or a file such as ./mine.yaml\n',
  });
});
