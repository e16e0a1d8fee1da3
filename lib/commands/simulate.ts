/**
 * `c2s-imds simulate`: a simulated metadata service.
 *
 * @module
 */
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { isLoopback, parseListenAddress } from "../config/address.ts";
import { type Option, renderOptions } from "../cli/options.ts";
import {
  fromFlags,
  parseChoice,
  refuse,
  type SourcedValue,
} from "../config/sourced_value.ts";
import type { ListenAddress } from "../config/serve_config.ts";
import { readDataFile } from "../simulator/data_file.ts";
import { defaultTree } from "../simulator/default_instance.ts";
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../simulator/simulator.ts";
import { createLog, LOG_FORMATS, LOG_LEVELS } from "../system/log.ts";
import { sanitizeEnvironment } from "../system/restrict.ts";
import { listenFailure } from "./listen_failure.ts";

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
    help: `${LOG_LEVELS.join(", ")}; debug has a line a request`,
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
  const givens = fromFlags(args, OPTIONS);
  const value = (name: keyof typeof DEFAULTS): SourcedValue =>
    givens.get(name)?.[0] ?? { text: DEFAULTS[name], source: `--${name}` };
  const isSet = (name: string) => givens.get(name)?.[0]?.text === "true";
  const listen = readListen(value("listen"), isSet("listen-anywhere"));
  const log = createLog({
    level: parseChoice(value("log-level"), LOG_LEVELS),
    format: parseChoice(value("log-format"), LOG_FORMATS),
    write: io.stderr,
  });
  const file = givens.get("data")?.[0]?.text;
  const tree = file === undefined
    ? defaultTree()
    : readDataFile(file, io.readTextFile, defaultTree());
  const requireV2 = isSet("require-v2");
  sanitizeEnvironment();
  await using simulator = start({ listen, tree, requireV2, log });
  const { promise: signalled, resolve } = Promise.withResolvers<void>();
  const cancels = (["SIGTERM", "SIGINT"] as const).map((signal) =>
    io.onSignal(signal, resolve)
  );
  io.stdout(`c2s-imds listening on ${simulator.url}\n`);
  await signalled;
  log.info("stopping");
  for (const cancel of cancels) cancel();
  return EXIT.OK;
}

function start(options: SimulatorOptions): Simulator {
  try {
    return startSimulator(options);
  } catch (error) {
    throw listenFailure(error);
  }
}

function readListen(given: SourcedValue, anywhere: boolean): ListenAddress {
  const listen = parseListenAddress(given);
  if (!anywhere && !isLoopback(listen.hostname)) {
    refuse(given, "a loopback address, or --listen-anywhere beside it");
  }
  return listen;
}
