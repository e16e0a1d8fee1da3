/**
 * `c2s-imds demo`: what the proxy does, shown without a cloud.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import { fromFlags, type Option, renderOptions } from "../config/options.ts";
import { refuse, type SourcedValue } from "../config/sourced_value.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import { parseRegions } from "../config/regions.ts";
import { EMULATED_REGION, REAL_REGION } from "../config/serve_options.ts";
import { createLog, type Log } from "../observe/log.ts";
import { type Proxy, startProxy } from "../proxy/proxy.ts";
import { INSTANCE } from "../simulator/default_instance.ts";
import { defaultTree } from "../simulator/default_tree.ts";
import { type Simulator, startSimulator } from "../simulator/simulator.ts";
import { type Command, EXIT, type ExitCode, type Io } from "./command.ts";
import { compareAnswers, type RegionPair } from "./demo_comparison.ts";
import { QUESTIONS } from "./demo_questions.ts";
import {
  renderNext,
  renderReport,
  renderServing,
  unexpectedAnswers,
} from "./demo_report.ts";
import { runUntilStopped } from "./run_until_stopped.ts";
import { listenForSignals } from "./stop_signals.ts";
import { scrubEnvironment } from "./scrub.ts";
import { logStrayErrors } from "./stray_errors.ts";

const DEFAULT_REGION = `${REAL_REGION}=${EMULATED_REGION}`;

const OPTIONS: readonly Option[] = [
  { name: "keep", help: "Goes on serving until SIGTERM or SIGINT" },
  {
    name: "region",
    value: "REAL=EMULATED",
    help: `Shows ${INSTANCE.region} as another region`,
    fallback: DEFAULT_REGION,
  },
];

const HELP = `Usage: c2s-imds demo [flags]

Runs a simulated metadata service and c2s-imds in front of it, both on free
loopback ports, asks a dozen paths both ways and prints the answers side by
side. Exits with 0 when exactly that changed which should.

${renderOptions(OPTIONS)}

Example:
  c2s-imds demo --region us-east-1=us-isob-east-1
`;

/** The subcommand `demo`. */
export const demo: Command = {
  name: "demo",
  summary: "Shows real and rewritten metadata side by side, no cloud needed",
  help: HELP,
  run,
};

async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const givens = fromFlags(args, OPTIONS);
  const keep = givens.get("keep")?.[0]?.text === "true";
  const regions = readRegion(
    givens.get("region")?.[0] ?? { text: DEFAULT_REGION, source: "--region" },
  );
  // https://no-color.org
  const colour = io.terminal && (io.env.NO_COLOR ?? "") === "";
  scrubEnvironment();
  const log = createLog({ level: "warn", format: "text", write: io.stderr });
  const clock = new Clock();
  const simulator = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2: false,
    now: () => clock.now(),
    log,
  });
  try {
    return await show(simulator, { clock, regions, keep, colour, io, log });
  } finally {
    await simulator.stop();
  }
}

/** What a demonstration goes by. */
interface ShowOptions {
  readonly clock: Clock;
  readonly regions: RegionPair;
  readonly keep: boolean;
  readonly colour: boolean;
  readonly io: Io;
  readonly log: Log;
}

async function show(
  simulator: Simulator,
  { clock, regions, keep, colour, io, log }: ShowOptions,
): Promise<ExitCode> {
  const proxy = await startInFront(simulator, regions, io, log);
  const letStray = logStrayErrors(log);
  try {
    const urls = { real: simulator.url, through: urlOf(proxy) };
    const comparisons = await compareAnswers(QUESTIONS, urls, regions);
    clock.run();
    const report = renderReport({ comparisons, urls, regions }, colour);
    const wrong = comparisons.filter(({ asExpected }) => !asExpected);
    if (wrong.length > 0) {
      io.stdout(report);
      throw unexpectedAnswers(wrong);
    }
    if (!keep) {
      io.stdout(report + renderNext());
      return EXIT.OK;
    }
    // Whoever reads the first line may send a signal at once.
    const signals = listenForSignals(io);
    // Its terminal is gone, and it has no configuration to read again.
    signals.reload = () => signals.order.give();
    const stopped = runUntilStopped(proxy, signals.order, log);
    io.stdout(`c2s-imds listening on ${urls.through}\n\n`);
    io.stdout(report + renderServing(urls));
    return await stopped.finally(() => signals.close());
  } finally {
    letStray();
    await proxy.shutdown();
  }
}

/** Stands still while answers are compared: credentials tell the hour. */
class Clock {
  #standing: number | undefined = Date.now();

  run(): void {
    this.#standing = undefined;
  }

  now(): number {
    return this.#standing ?? Date.now();
  }
}

function readRegion(given: SourcedValue): RegionPair {
  const real = INSTANCE.region;
  const emulated = parseRegions([given]).get(real);
  if (emulated === undefined) {
    refuse(given, `${real}=EMULATED, the simulated instance runs there`);
  }
  return { real, emulated };
}

async function startInFront(
  simulator: Simulator,
  { real, emulated }: RegionPair,
  io: Io,
  log: Log,
): Promise<Proxy> {
  const flags = [
    "--listen=127.0.0.1:0",
    `--upstream=${simulator.url}`,
    `--region=${real}=${emulated}`,
  ];
  return await startProxy(readServeConfig(flags, {}, io.readTextFile), log);
}

function urlOf(proxy: Proxy): string {
  const [url = ""] = proxy.addresses.map((it) => `http://${formatAddress(it)}`);
  return url;
}
