/**
 * `c2s-imds serve`: the proxy.
 *
 * @module
 */
import { cloudstackUpstream, formatAddress } from "../config/address.ts";
import { renderOptions } from "../cli/options.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import type {
  ListenAddress,
  ServeConfig,
  WholeConfig,
} from "../config/serve_config.ts";
import { SERVE_ALIASES, SERVE_OPTIONS } from "../config/serve_options.ts";
import {
  createLog,
  type Log,
  type LogFields,
  type LogOptions,
} from "../system/log.ts";
import { startServing } from "../admin/serving.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { socketOwners } from "../system/socket_owners.ts";
import { systemRunner } from "../system/runner.ts";
import type { Command, ExitCode, Io } from "../cli/command.ts";
import { errorLine } from "../cli/message.ts";
import { listenFailure } from "./listen_failure.ts";
import { createReload } from "./reload.ts";
import {
  dropPermissions,
  NEEDED_TO_START,
  NEVER_NEEDED,
  sanitizeEnvironment,
} from "../system/restrict.ts";
import { runUntilStopped } from "./run_until_stopped.ts";
import { holdAddress } from "./serve_address.ts";
import { serveSupervised } from "./serve_supervised.ts";
import { listenForSignals, type StopSignals } from "./stop_signals.ts";
import { logUnhandledErrors } from "../cli/unhandled_errors.ts";
import { upstreamSource } from "./upstream_source.ts";
import { buildLabels } from "../cli/version.ts";

const HELP = `Usage: c2s-imds serve [flags]

Forwards requests to the metadata service and shows the emulated region where
the answers name the real one.

${renderOptions(SERVE_OPTIONS)}

Each also as a variable, C2S_IMDS_LOG_LEVEL for --log-level (lists separated by
commas), and as a key of the file, log-level; a flag beats a variable, a
variable beats the file.

The file may also hold overrides, answers for single paths, as a profile may:
see c2s-imds profiles --help.

The original's flags stand for these:
${renderOptions(SERVE_ALIASES)}

With --upstream cloudstack:eth0, the metadata service is CloudStack's virtual
router, the DHCP server of eth0, as the leases on this node name it.
Where this program's own variables are not set, those of mdproxy4cs stand in:
MDPROXY4CS_INAME for --upstream cloudstack:INAME, MDPROXY4CS_HTTP_LISTEN for
--listen (169.254.169.254 without --listen-anywhere), MDPROXY4CS_LOG_LEVEL for
--log-level; MDPROXY4CS_LOG_FILE may be - only.

The first line on standard output names where it listens; the log goes to
standard error. SIGTERM and SIGINT stop it, a second one at once; SIGHUP reads
the configuration again (listeners, upstream, user and rule need a restart).
With --iptables, a parent keeps root and the rule, and the proxy is its child
without rights.

With --admin, which takes a loopback address only, GET /healthz says that the
process is alive, /readyz whether the metadata service answers and the rule is
in place, and /metrics what was counted, for Prometheus.

Example:
  c2s-imds serve --listen 127.0.0.1:4000 --region us-east-1=us-iso-east-1
`;

/** The subcommand `serve`. */
export const serve: Command = {
  name: "serve",
  summary: "Runs the proxy that shows the emulated region",
  help: HELP,
  run,
};

async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const signals = listenForSignals(io);
  try {
    return await serveWith(args, io, signals);
  } finally {
    signals.close();
  }
}

async function serveWith(
  args: readonly string[],
  io: Io,
  signals: StopSignals,
): Promise<ExitCode> {
  dropPermissions(NEVER_NEEDED);
  const config = readServeConfig(args, io.env, io.readTextFile);
  sanitizeEnvironment();
  const settings: LogOptions = {
    level: config.logLevel,
    format: config.logFormat,
    write: io.stderr,
  };
  const log = createLog(settings);
  signals.log = log;
  const reload = createReload(config, { args, io, log, settings });
  const announce = (addresses: readonly ListenAddress[]) => {
    const urls = addresses.map((it) => `http://${formatAddress(it)}`);
    try {
      io.stdout(`c2s-imds listening on ${urls.join(" ")}\n`);
    } catch (error) {
      // A full disk must not take the metadata service from a node.
      log.warn("cannot say where it listens", { error: errorLine(error) });
    }
    log.info("configuration in force", configFields(config));
  };
  if (config.iptables || startedAsRoot()) {
    return await serveSupervised(config, config, {
      io,
      log,
      run: systemRunner,
      signals,
      announce,
      reload,
    });
  }
  const address = await holdAddress(config, { run: systemRunner, log });
  try {
    const proxy = await start(config, log, io);
    const isSet = config.discover === undefined && !config.address;
    if (isSet) dropPermissions(NEEDED_TO_START);
    address.serving();
    return await serveUntilStopped(proxy, { log, signals, announce, reload });
  } finally {
    await address.release();
  }
}

/** What goes on in one process. */
interface ServingParts {
  readonly log: Log;
  readonly signals: StopSignals;
  readonly announce: (addresses: readonly ListenAddress[]) => void;
  readonly reload: () => ServeConfig | undefined;
}

async function serveUntilStopped(
  proxy: Proxy,
  { log, signals, announce, reload }: ServingParts,
): Promise<ExitCode> {
  signals.reload = () => {
    const changed = reload();
    if (changed !== undefined) proxy.configure(changed);
  };
  const letStray = logUnhandledErrors(log);
  try {
    announce(proxy.addresses);
    if (Deno.uid() === 0) {
      log.warn("running as root: the executable would give that up");
    }
    return await runUntilStopped(proxy, signals.order, log);
  } finally {
    letStray();
  }
}

/**
 * The executable gives root up in every mode. From source that takes files
 * which the other user can read, so there only `--iptables` asks for it.
 */
function startedAsRoot(): boolean {
  return Deno.build.standalone && Deno.uid() === 0;
}

async function start(
  config: ServeConfig,
  log: Log,
  { build }: Pick<Io, "build">,
): Promise<Proxy> {
  try {
    const source = upstreamSource(config, { log, run: systemRunner });
    return await startServing(config, {
      log,
      source,
      owners: socketOwners(systemRunner),
      build: buildLabels(build),
    });
  } catch (error) {
    throw listenFailure(error);
  }
}

function configFields(config: WholeConfig): LogFields {
  const regions = [...config.regions].map((pair) => pair.join("="));
  return {
    listen: config.listen.map(formatAddress).join(","),
    listen_anywhere: config.listenAnywhere,
    upstream: config.discover === undefined
      ? `http://${formatAddress(config.upstream)}`
      : cloudstackUpstream(config.discover.interface),
    region: regions.length === 0 ? "none" : regions.join(","),
    ...config.identity === undefined ? {} : {
      profile: config.identity.profile ?? "none",
      overrides: config.identity.overrides.length,
    },
    rewrite: config.rewrite,
    timeout_seconds: config.timeoutMs / 1000,
    cache_seconds: config.cacheMs / 1000,
    admin: config.admin === undefined ? "off" : formatAddress(config.admin),
    allow_browsers: config.allowBrowsers ?? false,
    iptables: config.iptables,
    backend: config.backend,
    address: config.address,
    log_level: config.logLevel,
    log_format: config.logFormat,
  };
}
