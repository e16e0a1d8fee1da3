/**
 * `c2s-imds serve`: the proxy.
 *
 * @module
 */
import type { Command, ExitCode, Io } from "../cli/command.ts";
import { errorLine } from "../cli/message.ts";
import { renderOptions } from "../cli/options.ts";
import { logUnhandledErrors } from "../cli/unhandled_errors.ts";
import { viewNode } from "../cloudstack/discover_router.ts";
import { RouterSource } from "../cloudstack/router_source.ts";
import { cloudstackUpstream, formatAddress } from "../config/address.ts";
import { changesOf } from "../config/changes.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import type { WholeConfig } from "../config/serve_config.ts";
import { SERVE_ALIASES, SERVE_OPTIONS } from "../config/serve_options.ts";
import {
  createLog,
  type Log,
  type LogFields,
  type LogOptions,
  type LogSettings,
} from "../system/log.ts";
import {
  dropPermissions,
  NEVER_NEEDED,
  sanitizeEnvironment,
} from "../system/restrict.ts";
import { systemRunner } from "../system/runner.ts";
import type { ServeParts } from "./serve_supervised.ts";
import { listenForSignals, type StopSignals } from "./stop.ts";

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
  options: [...SERVE_OPTIONS, ...SERVE_ALIASES],
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
  const read = (isAgain = false) =>
    readServeConfig(
      args,
      io.env,
      (path, options) => io.readTextFile(path, { ...options, isAgain }),
    );
  const config = read();
  sanitizeEnvironment();
  const settings: LogOptions = {
    level: config.logLevel,
    format: config.logFormat,
    write: io.stderr,
  };
  const log = createLog(settings);
  signals.log = log;
  const source = config.discover &&
    new RouterSource(viewNode(systemRunner), config.discover.interface, log);
  const parts: ServeParts = {
    io,
    log,
    signals,
    source,
    reload: createReload(config, () => read(true), log, settings),
    announce(addresses) {
      const urls = addresses.map((it) => `http://${formatAddress(it)}`);
      try {
        io.stdout(`c2s-imds listening on ${urls.join(" ")}\n`);
      } catch (error) {
        // A full disk must not take the metadata service from a node.
        log.warn("cannot say where it listens", { error: errorLine(error) });
      }
      log.info("configuration in force", configFields(config));
    },
  };
  const cancelErrorLog = logUnhandledErrors(log);
  try {
    // A parent never loads the proxy.
    if (config.iptables || startedAsRoot()) {
      const { serveSupervised } = await import("./serve_supervised.ts");
      return await serveSupervised(config, parts);
    }
    const { serveAlone } = await import("./serve_alone.ts");
    return await serveAlone(config, parts);
  } finally {
    source?.close();
    cancelErrorLog();
  }
}

/**
 * The executable drops root in every mode. From source that takes files
 * which the other user can read, so there only `--iptables` asks for it.
 */
function startedAsRoot(): boolean {
  return Deno.build.standalone && Deno.uid() === 0;
}

/**
 * Makes what reads the configuration again, at SIGHUP.
 *
 * @param first the configuration in force
 * @param read reads the one that shall be in force
 * @param log the log
 * @param settings the log's level and form, which may change
 * @returns reads it and gives it where something changed that can hold at once;
 * a broken one changes nothing and is logged
 */
export function createReload(
  first: WholeConfig,
  read: () => WholeConfig,
  log: Log,
  settings: LogSettings,
): () => WholeConfig | undefined {
  let inForce = first;
  return () => {
    try {
      const { config, live, restart } = changesOf(inForce, read());
      inForce = config;
      settings.level = config.logLevel;
      settings.format = config.logFormat;
      if (restart.length > 0) {
        log.warn("restart to apply changes", { of: restart.join(",") });
      }
      const changed = live.join(",");
      log.info("configuration read again", { changed: changed || "nothing" });
      return changed === "" ? undefined : config;
    } catch (error) {
      log.error("configuration unchanged", { error: errorLine(error) });
      return undefined;
    }
  };
}

function configFields(config: WholeConfig): LogFields {
  const regions = [...config.regions].map((pair) => pair.join("="));
  return {
    listen: config.listen.map(formatAddress).join(","),
    listen_anywhere: config.listenAnywhere,
    upstream: config.discover === undefined
      ? `http://${formatAddress(config.upstream)}`
      : cloudstackUpstream(config.discover.interface),
    region: regions.join(",") || "none",
    ...config.identity && {
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
