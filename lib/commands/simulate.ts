/**
 * `c2s-imds simulate`: a simulated metadata service.
 *
 * @module
 */
import type { Given } from "../config/given.ts";
import { parseListeners } from "../config/listen.ts";
import { type Option, parseOptions, renderOptions } from "../config/options.ts";
import { quote } from "../config/quote.ts";
import { UsageError } from "../config/usage_error.ts";
import { parseChoice } from "../config/values.ts";
import { createLog, LOG_FORMATS, LOG_LEVELS } from "../observe/log.ts";
import { treeFromData } from "../simulator/data_file.ts";
import { defaultTree } from "../simulator/default_tree.ts";
import type { MetadataTree } from "../simulator/metadata_tree.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { type Command, EXIT, type ExitCode, type Io } from "./command.ts";

const DEFAULTS = {
  listen: "127.0.0.1:1338",
  "log-level": "info",
  "log-format": "text",
} as const;

const OPTIONS: readonly Option[] = [
  {
    name: "listen",
    value: "HOST:PORT",
    help: "Where it listens; port 0 takes a free one",
    fallback: DEFAULTS.listen,
  },
  {
    name: "listen-anywhere",
    help: "Allows an address that is not loopback",
  },
  {
    name: "data",
    value: "FILE.yaml",
    help: "Extends the default instance or replaces it",
  },
  {
    name: "require-v2",
    help: "Refuses requests without a token (IMDSv1) with 401",
  },
  {
    name: "log-level",
    value: "LEVEL",
    help: `One of ${LOG_LEVELS.join(", ")}; debug has a line a request`,
    fallback: DEFAULTS["log-level"],
  },
  {
    name: "log-format",
    value: "FORMAT",
    help: LOG_FORMATS.join(" or "),
    fallback: DEFAULTS["log-format"],
  },
];

const HELP = `Usage: c2s-imds simulate [flags]

A simulated metadata service, as an upstream for trials and tests: EC2 (IMDSv1
and IMDSv2) and OpenStack (/openstack), by default an instance in us-east-1.
No request leaves the machine and the credentials open nothing.

${renderOptions(OPTIONS)}

FILE.yaml, every key optional:
  replace: false       true begins with nothing instead of the default instance
  meta-data: {…}       /VERSION/meta-data/, one mapping a directory
  dynamic: {…}         /VERSION/dynamic/
  user-data: TEXT      /VERSION/user-data
  openstack: {…}       the files below /openstack/VERSION/
Leaves are text (numbers in quotes) or !!binary, null takes a path away, and
mappings merge with the default instance.

Example:
  c2s-imds simulate --listen 127.0.0.1:1338 --require-v2
`;

/** The subcommand `simulate`. */
export const simulate: Command = {
  name: "simulate",
  summary: "Runs a simulated metadata service (EC2 v1 and v2, OpenStack)",
  help: HELP,
  run,
};

async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const { given, words } = parseOptions(args, OPTIONS);
  if (words.length > 0) {
    throw new UsageError(`Unexpected argument ${quote(words[0] ?? "")}`);
  }
  const value = (name: keyof typeof DEFAULTS): Given => ({
    text: given.get(name)?.[0] ?? DEFAULTS[name],
    source: `--${name}`,
  });
  const isSet = (name: string) => given.get(name)?.[0] === "true";
  const [listen] = parseListeners([value("listen")], isSet("listen-anywhere"));
  if (listen === undefined) throw new UsageError("Cannot listen nowhere");
  const log = createLog({
    level: parseChoice(value("log-level"), LOG_LEVELS),
    format: parseChoice(value("log-format"), LOG_FORMATS),
    write: io.stderr,
  });
  const tree = readTree(given.get("data")?.[0], io);
  await using simulator = await startSimulator({
    listen,
    tree,
    requireV2: isSet("require-v2"),
    log,
  });
  const signalled = Promise.withResolvers<void>();
  const silence = (["SIGTERM", "SIGINT"] as const).map((signal) =>
    io.onSignal(signal, signalled.resolve)
  );
  try {
    io.stdout(`c2s-imds listening on ${simulator.url}\n`);
    await Promise.race([signalled.promise, simulator.finished]);
  } finally {
    for (const stopListening of silence) stopListening();
  }
  log.info("stopping");
  return EXIT.OK;
}

function readTree(file: string | undefined, io: Io): MetadataTree {
  const base = defaultTree();
  if (file === undefined) return base;
  let text: string;
  try {
    text = io.readTextFile(file);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "no such file"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new UsageError(`Cannot read data file ${quote(file)}: ${reason}`, {
      cause,
    });
  }
  return treeFromData(text, file, base);
}
