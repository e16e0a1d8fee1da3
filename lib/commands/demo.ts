/**
 * `c2s-imds demo`: what the proxy does, shown without a cloud.
 *
 * @module
 */
import { type Command, EXIT, type ExitCode, type Io } from "../cli/command.ts";
import { formatAddress } from "../config/address.ts";
import { type Option, parseFlags, renderOptions } from "../cli/options.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import { compareAnswers, QUESTIONS } from "../demo/comparison.ts";
import {
  MOST_COLUMNS,
  renderNext,
  renderReport,
  renderServing,
} from "../demo/report.ts";
import { startProxy } from "../proxy/proxy.ts";
import { defaultTree } from "../simulator/default_instance.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { createLog } from "../system/log.ts";
import { listenForSignals, runUntilStopped } from "./stop.ts";
import { sanitizeEnvironment } from "../system/restrict.ts";
import { logUnhandledErrors } from "../cli/unhandled_errors.ts";

const OPTIONS: readonly Option[] = [
  { name: "keep", help: "Goes on serving until SIGTERM or SIGINT" },
];

const HELP = `Usage: c2s-imds demo [flags]

Runs a simulated metadata service and c2s-imds in front of it, both on free
loopback ports, asks a dozen paths both ways and prints the answers side by
side.

${renderOptions(OPTIONS)}
`;

/** The subcommand `demo`. */
export const demo: Command = {
  name: "demo",
  summary: "Shows real and rewritten metadata side by side, no cloud needed",
  help: HELP,
  options: OPTIONS,
  run,
};

async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const keep = parseFlags(args, OPTIONS).isSet("keep");
  sanitizeEnvironment();
  const log = createLog({ level: "warn", format: "text", write: io.stderr });
  // It stands still while answers are compared: credentials name the hour.
  let stopped: number | undefined = Date.now();
  const simulator = startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: defaultTree(),
    requireV2: false,
    now: () => stopped ?? Date.now(),
    log,
  });
  try {
    const flags = [
      "--listen=127.0.0.1:0",
      `--upstream=${simulator.url}`,
    ];
    const config = readServeConfig(flags, {}, io.readTextFile);
    const proxy = await startProxy(config, log);
    const cancelErrorLog = logUnhandledErrors(log);
    try {
      const [address] = proxy.addresses;
      const urls = {
        real: simulator.url,
        through: `http://${address && formatAddress(address)}`,
      };
      const comparisons = await compareAnswers(QUESTIONS, urls);
      stopped = undefined;
      // https://no-color.org
      const colour = io.columns !== undefined && !io.env.NO_COLOR;
      const page = { colour, columns: io.columns ?? MOST_COLUMNS };
      const report = renderReport(comparisons, urls, page);
      if (!keep) {
        io.stdout(report + renderNext(page));
        return EXIT.OK;
      }
      // Whoever reads the first line may send a signal at once.
      const signals = listenForSignals(io);
      // Its terminal is gone, and it has no configuration to read again.
      signals.reload = () => signals.order.give();
      const ended = runUntilStopped(proxy, signals.order, log);
      io.stdout(`c2s-imds listening on ${urls.through}\n\n`);
      io.stdout(report + renderServing(urls, page));
      return await ended.finally(() => signals.close());
    } finally {
      cancelErrorLog();
      await proxy.shutdown();
    }
  } finally {
    await simulator.stop();
  }
}
