import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXIT, type ExitCode } from "../../lib/cli/command.ts";
import { runCommandLine } from "../../lib/cli/command_line.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { COMMANDS } from "../../lib/commands/registry.ts";
import { fakeIo } from "../helpers/io.ts";
import { runProgram } from "../helpers/program.ts";

/** Runs a command line of two subcommands, and tells all that it did. */
async function run(
  line: string,
  outcome: () => Promise<ExitCode> = () => Promise.resolve(EXIT.OK),
) {
  const { io, written } = fakeIo();
  const did: string[] = [];
  const entry = (name: string) => ({
    name,
    load: () => {
      did.push(`load ${name}`);
      return Promise.resolve({
        name,
        summary: `Is ${name}`,
        help: `Help of ${name}\n`,
        options: [],
        run: (args: readonly string[]) => {
          did.push(["run", name, ...args].join(" "));
          return outcome();
        },
      });
    },
  });
  const args = line.split(" ").filter((word) => word !== "");
  const code = await runCommandLine(args, io, [entry("serve"), entry("check")]);
  return { code, did, ...written };
}

Deno.test("runCommandLine() picks the subcommand and loads no other", async () => {
  for (
    const [line, call] of [
      ["serve", "serve"],
      ["check --wait 5", "check --wait 5"],
      ["--emulatedRegion x", "serve --emulatedRegion x"],
      ["check -- --help -V", "check -- --help -V"],
    ] as const
  ) {
    const { code, did, stdout, stderr } = await run(line);
    assertEquals([code, stdout + stderr], [EXIT.OK, ""]);
    assertEquals(did, [`load ${call.replace(/ .*/, "")}`, `run ${call}`]);
  }
});

Deno.test("runCommandLine() shows help and version when asked in any way, and runs nothing", async () => {
  const general =
    /^Usage: [^]*\n {2}serve {2}Is serve\n {2}check {2}Is check\n/;
  const version =
    /^c2s-imds \d+\.\d+\.\d+ \(imports: (?:JSR|npm); Deno \d+\.\d+\.\d+\)\n$/;
  for (
    const [line, text] of [
      ["check --help", /^Help of check\n$/],
      ["check -h", /^Help of check\n$/],
      ["check help", /^Help of check\n$/],
      ["check --wait 5 --help=yes", /^Help of check\n$/],
      ["help check", /^Help of check\n$/],
      ["--help check", /^Help of check\n$/],
      ["serve --listen --help", /^Help of serve\n$/],
      ["--listen 127.0.0.1:1 --help", /^Help of serve\n$/],
      ["--help", general],
      ["-h", general],
      ["help", general],
      ["version", version],
      ["--version", version],
      ["check -V", version],
      ["nix --version", version],
    ] as const
  ) {
    const { code, did, stdout, stderr } = await run(line);
    assertEquals([code, stderr], [EXIT.OK, ""], line);
    assertMatch(stdout, text, line);
    assertEquals(did.some((it) => it.startsWith("run")), false);
  }
});

Deno.test("runCommandLine() says what is wrong on standard error, and by its code", async () => {
  const { code, stdout, stderr } = await run("");
  assertEquals([code, stdout], [EXIT.USAGE, ""]);
  assertStringIncludes(stderr, "Usage: c2s-imds SUBCOMMAND");
  const fails = (error: unknown) => () => Promise.reject(error);
  for (
    const [line, outcome, code, message] of [
      [
        "chek",
        undefined,
        2,
        `Unknown subcommand "chek": did you mean "check"?`,
      ],
      ["help zzz", undefined, 2, `Unknown subcommand "zzz": see --help`],
      ["-x", undefined, 2, `Unknown subcommand "-x": see --help`],
      ["serve", fails(new UsageError("Cannot use it")), 2, "Cannot use it"],
      ["serve", fails(new Error("Cannot do it")), 1, "Cannot do it"],
    ] as const
  ) {
    const result = await run(line, outcome);
    assertEquals([result.code, result.stdout], [code, ""]);
    assertEquals(result.stderr, `c2s-imds: ${message}\n`);
  }
  const drift = () => Promise.resolve(EXIT.DRIFT);
  assertEquals((await run("check", drift)).code, EXIT.DRIFT);
});

Deno.test("COMMANDS load under their own names with a help of 80 columns", async () => {
  for (const entry of COMMANDS) {
    const { name, help, summary } = await entry.load();
    assertEquals(name, entry.name);
    assertEquals(help.endsWith("\n"), true);
    const lines = [summary, ...help.split("\n")];
    assertEquals(lines.filter((line) => line.length > 80), []);
  }
});

Deno.test("c2s-imds --help lists every subcommand", async () => {
  const { code, stdout, stderr } = await runProgram(["--help"]);
  assertEquals([code, stderr], [EXIT.OK, ""]);
  for (const { name } of COMMANDS.filter(({ hidden }) => hidden !== true)) {
    assertMatch(stdout, new RegExp(`^  ${name} `, "m"));
  }
});

Deno.test("c2s-imds fails with one line when the usage is wrong", async () => {
  assertEquals(await runProgram(["--port", "x"]), {
    code: EXIT.USAGE,
    stdout: "",
    stderr:
      `c2s-imds: Cannot use "127.0.0.1:x" for --port: expected a port from 0 to 65535\n`,
  });
});

Deno.test("c2s-imds --version is one line", async () => {
  const { code, stdout, stderr } = await runProgram(["--version"]);
  assertEquals([code, stderr], [EXIT.OK, ""]);
  assertMatch(
    stdout,
    /^c2s-imds \S+ \((?:commit [0-9a-f]{12}(?:-dirty)?, )?imports: (?:JSR|npm); Deno \d+\.\d+\.\d+\)\n$/,
  );
});
