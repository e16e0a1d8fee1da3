import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Command, EXIT, type ExitCode } from "../../lib/cli/command.ts";
import { runCommandLine } from "../../lib/cli/command_line.ts";
import { COMMANDS } from "../../lib/commands/registry.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { fakeIo } from "../helpers/io.ts";
import { runProgram } from "../helpers/program.ts";

/** Writes down what a command line did. */
class Recorder {
  readonly #world = fakeIo();
  readonly calls: (readonly string[])[] = [];
  readonly loaded: string[] = [];

  get out(): string {
    return this.#world.written.stdout;
  }

  get err(): string {
    return this.#world.written.stderr;
  }

  async run(
    args: readonly string[],
    run: (args: readonly string[]) => Promise<ExitCode> = () =>
      Promise.resolve(EXIT.OK),
  ): Promise<ExitCode> {
    const entry = (name: string) => ({
      name,
      load: () => {
        this.loaded.push(name);
        const command: Command = {
          name,
          summary: `Is ${name}`,
          help: `Help of ${name}\n`,
          run: (rest) => {
            this.calls.push([name, ...rest]);
            return run(rest);
          },
        };
        return Promise.resolve(command);
      },
    });
    return await runCommandLine(args, this.#world.io, [
      entry("serve"),
      entry("check"),
    ]);
  }
}

const CALLS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["serve"], ["serve"]],
  [["check", "--wait", "5"], ["check", "--wait", "5"]],
  [["--emulatedRegion", "x"], ["serve", "--emulatedRegion", "x"]],
  [["--port=1"], ["serve", "--port=1"]],
  [["check", "--", "--help", "-V"], ["check", "--", "--help", "-V"]],
];

Deno.test("runCommandLine() picks the subcommand and loads no other", async (t) => {
  for (const [args, call] of CALLS) {
    await t.step(args.join(" "), async () => {
      const recorder = new Recorder();
      assertEquals(await recorder.run(args), EXIT.OK);
      assertEquals(recorder.calls, [call]);
      assertEquals(recorder.loaded, call.slice(0, 1));
      assertEquals(recorder.out + recorder.err, "");
    });
  }
});

Deno.test("runCommandLine() shows the help of a subcommand when asked in any way", async (t) => {
  for (
    const [line, name] of [
      ["check --help", "check"],
      ["check -h", "check"],
      ["check help", "check"],
      ["check --wait 5 --help", "check"],
      ["check --help=yes", "check"],
      ["help check", "check"],
      ["--help check", "check"],
      ["-h check", "check"],
      ["serve --listen --help", "serve"],
      ["--listen 127.0.0.1:1 --help", "serve"],
    ] as const
  ) {
    await t.step(line, async () => {
      const recorder = new Recorder();
      assertEquals(await recorder.run(line.split(" ")), EXIT.OK);
      assertEquals(recorder.out, `Help of ${name}\n`);
      assertEquals(recorder.err, "");
      assertEquals(recorder.calls, []);
    });
  }
});

Deno.test("runCommandLine() lists the subcommands when asked for help alone", async (t) => {
  for (const word of ["--help", "-h", "help"]) {
    await t.step(word, async () => {
      const recorder = new Recorder();
      assertEquals(await recorder.run([word]), EXIT.OK);
      assertStringIncludes(recorder.out, "\n  serve  Is serve\n");
      assertStringIncludes(recorder.out, "\n  check  Is check\n");
      assertEquals(recorder.err, "");
    });
  }
});

Deno.test("runCommandLine() shows the help as an error when given nothing", async () => {
  const recorder = new Recorder();
  assertEquals(await recorder.run([]), EXIT.USAGE);
  assertEquals(recorder.out, "");
  assertStringIncludes(recorder.err, "Usage: c2s-imds SUBCOMMAND");
});

Deno.test("runCommandLine() names the version wherever it is asked", async (t) => {
  for (
    const line of ["--version", "-V", "check --version", "serve x -V", "nix -V"]
  ) {
    await t.step(line, async () => {
      const recorder = new Recorder();
      assertEquals(await recorder.run(line.split(" ")), EXIT.OK);
      assertMatch(
        recorder.out,
        /^c2s-imds \d+\.\d+\.\d+ \(imports: (?:JSR|npm); Deno \d+\.\d+\.\d+\)\n$/,
      );
      assertEquals(recorder.calls, []);
    });
  }
});

Deno.test("runCommandLine() suggests a subcommand when it knows a near one", async (t) => {
  for (
    const [args, line] of [
      [["chek"], `Unknown subcommand "chek": did you mean "check"?`],
      [["Serve"], `Unknown subcommand "Serve": did you mean "serve"?`],
      [["help", "chek"], `Unknown subcommand "chek": did you mean "check"?`],
      [["zzz"], `Unknown subcommand "zzz": see --help`],
      [["-x"], `Unknown subcommand "-x": see --help`],
      [["a\nb"], `Unknown subcommand "a\\nb": see --help`],
    ] as const
  ) {
    await t.step(args.join(" "), async () => {
      const recorder = new Recorder();
      assertEquals(await recorder.run(args), EXIT.USAGE);
      assertEquals(recorder.err, `c2s-imds: ${line}\n`);
      assertEquals(recorder.out, "");
    });
  }
});

const ERRORS: readonly (readonly [unknown, ExitCode, string])[] = [
  [new UsageError("Cannot use it"), EXIT.USAGE, "Cannot use it"],
  [
    new UsageError("Cannot use it", { cause: new Error("why") }),
    EXIT.USAGE,
    "Cannot use it",
  ],
  [new Error("Cannot do it"), EXIT.FAILED, "Cannot do it"],
  [
    new Error("Cannot do it", {
      cause: new Error("no disk", { cause: "no money" }),
    }),
    EXIT.FAILED,
    "Cannot do it: no disk: no money",
  ],
  [
    new Error("Cannot do it: no disk", { cause: new Error("no disk") }),
    EXIT.FAILED,
    "Cannot do it: no disk",
  ],
  [new TypeError(), EXIT.FAILED, "TypeError"],
  [new Error("one\ntwo"), EXIT.FAILED, "one\\u{a}two"],
  ["text", EXIT.FAILED, "text"],
];

Deno.test("runCommandLine() tells an error in one line without its stack", async (t) => {
  for (const [error, code, line] of ERRORS) {
    await t.step(line, async () => {
      const recorder = new Recorder();
      assertEquals(
        await recorder.run(["serve"], () => Promise.reject(error)),
        code,
      );
      assertEquals(recorder.err, `c2s-imds: ${line}\n`);
      assertEquals(recorder.out, "");
    });
  }
});

Deno.test("runCommandLine() hands on the code when a subcommand says no", async () => {
  const recorder = new Recorder();
  const run = () => Promise.resolve(EXIT.DRIFT);
  assertEquals(await recorder.run(["check"], run), EXIT.DRIFT);
});

Deno.test("COMMANDS load under their own names with a help of 80 columns", async (t) => {
  for (const entry of COMMANDS) {
    await t.step(entry.name, async () => {
      const { name, help, summary } = await entry.load();
      assertEquals(name, entry.name);
      assertEquals(help.endsWith("\n"), true);
      assertEquals(
        [summary, ...help.split("\n")].filter((line) => line.length > 80),
        [],
      );
    });
  }
});

Deno.test("c2s-imds --help lists every subcommand", async () => {
  const { code, stdout, stderr } = await runProgram(["--help"]);
  assertEquals(stderr, "");
  assertEquals(code, EXIT.OK);
  for (const { name } of COMMANDS.filter(({ hidden }) => hidden !== true)) {
    assertMatch(stdout, new RegExp(`^  ${name} `, "m"));
  }
});

Deno.test("c2s-imds fails with one line when the usage is wrong", async () => {
  const { code, stdout, stderr } = await runProgram(["--port", "x"]);
  assertEquals(stdout, "");
  assertEquals(
    stderr,
    `c2s-imds: Cannot use "127.0.0.1:x" for --port: expected a port from 0 to 65535\n`,
  );
  assertEquals(code, EXIT.USAGE);
});

Deno.test("c2s-imds --version is one line", async () => {
  const { code, stdout, stderr } = await runProgram(["--version"]);
  assertEquals(stderr, "");
  assertMatch(
    stdout,
    /^c2s-imds \S+ \((?:commit [0-9a-f]{12}(?:-dirty)?, )?imports: (?:JSR|npm); Deno \d+\.\d+\.\d+\)\n$/,
  );
  assertEquals(code, EXIT.OK);
});
