/**
 * `c2s-imds check`: what a client on this node sees.
 *
 * @module
 */
import { advise } from "../check/advice.ts";
import { expectationsOf } from "../check/expectations.ts";
import { probe, type ProbeParts, type ProbeRequest } from "../check/probe.ts";
import {
  diagnosisText,
  renderReport,
  renderReportJson,
} from "../check/report.ts";
import {
  formatAddress,
  isIPv4,
  isIPv6,
  isLoopback,
  parseUpstream,
} from "../config/address.ts";
import { type Option, parseFlags, renderOptions } from "../cli/options.ts";
import { parseSeconds } from "../config/values.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import type { UpstreamAddress } from "../config/serve_config.ts";
import {
  EMULATED_REGION,
  METADATA_HOST,
  REAL_REGION,
  SERVE_ALIASES,
  SERVE_OPTIONS,
} from "../config/serve_options.ts";
import { UsageError } from "../cli/message.ts";
import { resolveUser } from "../rule/machine.ts";
import { type Destination, DESTINATION_IPV6, rulePorts } from "../rule/rule.ts";
import { askMetadata } from "../proxy/metadata_client.ts";
import { systemRunner } from "../system/runner.ts";
import { delay } from "../system/timers.ts";
import { type Command, EXIT, type Io } from "../cli/command.ts";
import { sanitizeEnvironment } from "../system/restrict.ts";

const DEFAULT_URL = `http://${METADATA_HOST}`;

/** A day: whoever asks for more has made a slip. */
const LONGEST_SECONDS = 86_400;

/** What `check` takes over from `serve`, so that both can be told alike. */
const SHARED = [
  "listen",
  "listen-anywhere",
  "region",
  "profile",
  "user",
  "backend",
  "config",
  "port",
  "realRegion",
  "emulatedRegion",
];

const OPTIONS: readonly Option[] = [
  {
    name: "url",
    value: "URL",
    help: "The metadata service as clients reach it",
    fallback: `${DEFAULT_URL}, and over IPv6`,
  },
  {
    name: "wait",
    value: "SECONDS",
    help: "Asks again until the emulated region is seen",
    fallback: "0",
  },
  { name: "json", help: "Prints the report as one JSON object" },
  ...[...SERVE_OPTIONS, ...SERVE_ALIASES]
    .filter(({ name }) => SHARED.includes(name)),
];

const HELP = `Usage: c2s-imds check [flags]

Asks the metadata service the way SDKs do, a token first, and reports which
region a client on this node sees, how the rule stands, and what to do. The
last line is the verdict.

${renderOptions(OPTIONS)}

Give it the same flags of these and C2S_IMDS_… variables as serve; serve's other
flags have no part in what is checked. Where the rule names a port, that one
counts. It must not run as the proxy's user, whose traffic bypasses the rule; it
needs root only to see the rule.

Exits with 0 when a client on this node sees the emulated region, 1 when not,
2 for wrong usage, 4 when it cannot tell.

Example:
  c2s-imds check --wait 60
`;

const CODES = {
  yes: EXIT.OK,
  no: EXIT.FAILED,
  "cannot tell": EXIT.CANNOT_TELL,
} as const;

/**
 * Makes the subcommand.
 *
 * @param parts with what it finds out what it reports
 */
export function createCheck(
  parts: Omit<ProbeParts, "env" | "waiting">,
): Command {
  return {
    name: "check",
    summary: "Tells which region a client on this node sees, and why",
    help: HELP,
    options: OPTIONS,
    async run(args, io) {
      const { user, json, ...request } = parseRequest(args, io);
      sanitizeEnvironment();
      const proxyUid = await resolveUser(user, parts.run);
      const findings = await probe(
        { ...request, proxyUid },
        { ...parts, env: io.env, waiting: tellOnTerminal(request, io) },
      );
      const advice = advise(findings);
      const render = json ? renderReportJson : renderReport;
      io.stdout(render(findings, advice));
      return CODES[advice.answer];
    },
  };
}

/** Tells people what is waited for, once for each thing that is seen. */
function tellOnTerminal(
  { regions, waitMs }: Pick<ProbeRequest, "regions" | "waitMs">,
  io: Io,
): NonNullable<ProbeParts["waiting"]> {
  if (io.columns === undefined) return () => {};
  const wanted = [...regions.values()].join(" or ");
  let told = "";
  return (seen) => {
    const now = diagnosisText(seen, regions);
    if (now === told) return;
    told = now;
    io.stderr(
      `waiting up to ${waitMs / 1000} s for ${wanted}, now: ${now}\n`,
    );
  };
}

/** The subcommand `check`. */
export const check: Command = createCheck({
  run: systemRunner,
  ask: askMetadata,
  clock: { now: () => performance.now(), delay },
  // Only Windows has none, and no iptables either.
  uid: Deno.uid() ?? 0,
});

/**
 * Reads the arguments after `check`, and what `serve` would read: variables
 * and the configuration file.
 *
 * @throws {UsageError} that names the option, the value and what was expected
 */
function parseRequest(args: readonly string[], io: Io) {
  const { values, value, isSet } = parseFlags(args, OPTIONS);
  const shared = SHARED.flatMap((name) =>
    (values.get(name) ?? []).map(({ text }) => `--${name}=${text}`)
  );
  const { regions, identity, user, backend, listen } = readServeConfig(
    shared,
    io.env,
    io.readTextFile,
  );
  if (regions.size === 0) {
    throw new UsageError(
      `Cannot check without an emulated region: expected --region REAL=EMULATED, such as ${REAL_REGION}=${EMULATED_REGION}`,
    );
  }
  const service = parseUpstream(
    values.has("url") ? value("url") : { text: DEFAULT_URL, source: "--url" },
  );
  const { address, addressPort } = DESTINATION_IPV6;
  return {
    url: urlOf(service),
    ipv6Url: values.has("url")
      ? undefined
      : urlOf({ hostname: address, port: addressPort }),
    destination: destinationOf(service),
    regions,
    expectations: expectationsOf({ regions, identity }),
    user,
    defaultPort: rulePorts(listen).ip ?? listen[0]?.port ?? 0,
    backend,
    waitMs: parseSeconds(value("wait"), {
      least: 0,
      most: LONGEST_SECONDS,
    }),
    json: isSet("json"),
  };
}

function urlOf(service: UpstreamAddress): string {
  return `http://${formatAddress(service).replace(/:80$/, "")}`;
}

/** The rule catches addresses; what is on loopback already needs no rule. */
function destinationOf(
  { hostname: address, port: addressPort }: UpstreamAddress,
): Destination | undefined {
  if (isLoopback(address)) return undefined;
  if (isIPv4(address)) return { family: "ip", address, addressPort };
  return isIPv6(address) ? { family: "ip6", address, addressPort } : undefined;
}
