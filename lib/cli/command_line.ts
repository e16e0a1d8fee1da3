/**
 * The command line as a whole: picks the subcommand, runs it, and turns how it
 * ended into an exit code.
 *
 * @module
 */
import {
  alignColumns,
  errorLine,
  ExitError,
  quote,
  unknown,
} from "./message.ts";
import {
  type Command,
  type CommandEntry,
  DEFAULT_COMMAND,
  EXIT,
  type ExitCode,
  type Io,
  loadShown,
} from "./command.ts";
import { versionLine } from "./version.ts";

const HELP_FLAG = /^(?:--help(?:=.*)?|-h)$/s;
const VERSION_FLAG = /^(?:--version|-V)$/;

/**
 * Runs the program.
 *
 * @param args its arguments
 * @param io the outside world
 * @param commands the subcommands there are
 * @returns the code to exit with; every error has been reported by then
 */
export async function runCommandLine(
  args: readonly string[],
  io: Io,
  commands: readonly CommandEntry[],
): Promise<ExitCode> {
  try {
    return await dispatch(args, io, commands);
  } catch (error) {
    io.stderr(`c2s-imds: ${errorLine(error)}\n`);
    return error instanceof ExitError ? error.exitCode : EXIT.FAILED;
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
  if (first === "version" || hasFlag(args, VERSION_FLAG)) {
    io.stdout(versionLine(io.build));
    return EXIT.OK;
  }
  if (first === "help" || HELP_FLAG.test(first)) {
    const [topic] = others;
    const help = topic === undefined
      ? await generalHelp(commands)
      : (await load(topic, commands)).help;
    io.stdout(help);
    return EXIT.OK;
  }
  const [name, rest] = first.startsWith("--")
    ? [DEFAULT_COMMAND, args]
    : [first, others];
  const command = await load(name, commands);
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
  const known = (await loadShown(commands)).map((command) => command.name);
  throw unknown(`subcommand ${quote(name)}`, name, known);
}

async function generalHelp(commands: readonly CommandEntry[]): Promise<string> {
  const shown = await loadShown(commands);
  const list = alignColumns(
    shown.map(({ name, summary }) => [`  ${name}`, summary]),
  );
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
