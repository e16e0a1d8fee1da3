/**
 * The command line as a whole: picks the subcommand, runs it, and turns how it
 * ended into an exit code.
 *
 * @module
 */
import { nearest, quote, UsageError } from "../config/usage_error.ts";
import { type Command, EXIT, type ExitCode, type Io } from "./command.ts";
import { errorLine } from "./error_line.ts";
import { type CommandEntry, COMMANDS } from "./registry.ts";
import { versionLine } from "./version.ts";

/** What the original's way of calling means: flags and no subcommand. */
const DEFAULT_COMMAND = "serve";

const HELP_FLAG = /^(?:--help(?:=.*)?|-h)$/s;
const VERSION_FLAG = /^(?:--version|-V)$/;

/**
 * Runs the program.
 *
 * @param args its arguments
 * @param io the outside world
 * @param commands the subcommands there are
 * @returns the code to exit with; every error has been told by then
 */
export async function runCommandLine(
  args: readonly string[],
  io: Io,
  commands: readonly CommandEntry[] = COMMANDS,
): Promise<ExitCode> {
  try {
    return await dispatch(args, io, commands);
  } catch (error) {
    io.stderr(`c2s-imds: ${errorLine(error)}\n`);
    return error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  } finally {
    await io.flush();
  }
}

async function dispatch(
  args: readonly string[],
  io: Io,
  commands: readonly CommandEntry[],
): Promise<ExitCode> {
  const [first, ...others] = args;
  if (first === undefined) {
    io.stderr(await generalHelp(commands));
    return EXIT.USAGE;
  }
  if (hasFlag(args, VERSION_FLAG)) {
    io.stdout(versionLine(io.build));
    return EXIT.OK;
  }
  if (first === "help" || HELP_FLAG.test(first)) {
    const [topic] = others;
    io.stdout(
      topic === undefined
        ? await generalHelp(commands)
        : (await load(topic, commands)).help,
    );
    return EXIT.OK;
  }
  const bare = first.startsWith("--");
  const rest = bare ? args : others;
  const command = await load(bare ? DEFAULT_COMMAND : first, commands);
  if (rest[0] === "help" || hasFlag(rest, HELP_FLAG)) {
    io.stdout(command.help);
    return EXIT.OK;
  }
  return await command.run(rest, io);
}

function hasFlag(args: readonly string[], flag: RegExp): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => flag.test(arg));
}

async function load(
  name: string,
  commands: readonly CommandEntry[],
): Promise<Command> {
  const entry = commands.find((command) => command.name === name);
  if (entry !== undefined) return await entry.load();
  const near = nearest(name, shown(commands).map((command) => command.name));
  const hint = near === undefined ? "see --help" : `did you mean "${near}"?`;
  throw new UsageError(`Unknown subcommand ${quote(name)}: ${hint}`);
}

/** The subcommands that are for people. */
function shown(commands: readonly CommandEntry[]): readonly CommandEntry[] {
  return commands.filter(({ hidden }) => hidden !== true);
}

async function generalHelp(commands: readonly CommandEntry[]): Promise<string> {
  const loaded = await Promise.all(
    shown(commands).map((command) => command.load()),
  );
  const width = Math.max(...loaded.map(({ name }) => name.length));
  const list = loaded
    .map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
    .join("\n");
  return `Usage: c2s-imds SUBCOMMAND [flags]

Shows an instance that runs in us-east-1 as one in us-iso-east-1, by standing
between the node's software and the instance metadata service.

${list}

c2s-imds SUBCOMMAND --help tells more, --version names the version. Flags
without a subcommand go to ${DEFAULT_COMMAND}.

Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration, 3 the rule is not
as it should be, 4 cannot tell: no permission or no iptables.
`;
}
