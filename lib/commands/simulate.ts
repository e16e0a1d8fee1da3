/**
 * `c2s-imds simulate`: a simulated metadata service.
 *
 * @module
 */
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { isLoopback, parseListenAddress } from "../config/address.ts";
import {
  type Option,
  parseFlags,
  refuse,
  renderOptions,
} from "../cli/options.ts";
import { OPTIONS as SERVE } from "../config/serve_options.ts";
import { readDataFile } from "../simulator/data_file.ts";
import { defaultTree } from "../simulator/default_instance.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { createLog } from "../system/log.ts";
import { sanitizeEnvironment } from "../system/restrict.ts";
import { listenForSignals } from "./stop.ts";

const { listenAnywhere, logLevel, logFormat } = SERVE;

const OPTIONS: readonly Option[] = [
  {
    name: "listen",
    value: "HOST:PORT",
    help: "Where it listens; port 0 takes a free one",
    fallback: "127.0.0.1:1338",
  },
  listenAnywhere,
  {
    name: "data",
    value: "FILE.yaml",
    help: "Extends the default instance or replaces it",
  },
  {
    name: "require-v2",
    help: "Refuses requests without a token (IMDSv1) with 401",
  },
  logLevel,
  logFormat,
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
  options: OPTIONS,
  run,
};

async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, value, isSet } = parseFlags(args, OPTIONS);
  const listen = parseListenAddress(value("listen"));
  if (!isLoopback(listen.hostname) && !isSet("listen-anywhere")) {
    refuse(
      value("listen"),
      "a loopback address, or --listen-anywhere beside it",
    );
  }
  const log = createLog({
    level: logLevel.parse(value("log-level")),
    format: logFormat.parse(value("log-format")),
    write: io.stderr,
  });
  const [file] = values.get("data") ?? [];
  const tree = file === undefined
    ? defaultTree()
    : readDataFile(file.text, io.readTextFile, defaultTree());
  const requireV2 = isSet("require-v2");
  sanitizeEnvironment();
  const simulator = startSimulator({ listen, tree, requireV2, log });
  const signals = listenForSignals(io);
  // Its terminal is gone, and it has no configuration to read again.
  signals.reload = () => signals.order.give();
  io.stdout(`c2s-imds listening on ${simulator.url}\n`);
  await signals.order.given;
  log.info("stopping");
  signals.close();
  await simulator.stop();
  return EXIT.OK;
}
