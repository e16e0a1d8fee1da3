/**
 * `c2s-imds check`: what a client on this node sees.
 *
 * @module
 */
import { renderOptions } from "../config/options.ts";
import { askMetadata, loadClient } from "../metadata/client.ts";
import { ANSWER_MS, observe, SOURCES } from "../metadata/observation.ts";
import { sightingOf } from "../metadata/sighting.ts";
import type { Runner } from "../system/runner.ts";
import { systemRunner } from "../system/system_runner.ts";
import { resolveUser } from "../rule/user.ts";
import { type Advice, advise, brokenPromise } from "./check_advice.ts";
import type { Findings } from "./check_findings.ts";
import { type CheckRequest, OPTIONS, parseRequest } from "./check_options.ts";
import { renderReport, renderReportJson } from "./check_report.ts";
import { readRule } from "./check_rule.ts";
import { type Clock, lookUntil, systemClock } from "./check_wait.ts";
import { type Command, EXIT, type ExitCode } from "./command.ts";
import { scrubEnvironment } from "./scrub.ts";

const HELP = `Usage: c2s-imds check [flags]

Asks the metadata service the way SDKs do, a token first, and reports which
region a client on this node sees, how the rule stands, and what to do. The
last line is the verdict.

${renderOptions(OPTIONS)}

Give it the same --region, --profile, --user, --config and C2S_IMDS_… variables
as serve. It must not run as the proxy's user, whose traffic goes around the
rule; it needs root only to see the rule.

Exits with 0 when a client on this node sees the emulated region, 1 when not,
2 for wrong usage, 4 when it cannot tell.

Example:
  c2s-imds check --wait 60
`;

/** What the subcommand is made of. */
export interface CheckParts {
  /** Runs the commands that show the rule. */
  readonly run: Runner;
  /** Asks one question. */
  readonly ask: typeof askMetadata;
  /** The clock. */
  readonly clock: Clock;
  /** Tells who asks. */
  readonly uid: () => number;
}

/** The questions of every look. */
const QUESTIONS = 1 + Object.keys(SOURCES).length;

const ANSWER_CODES: Readonly<Record<Advice["answer"], ExitCode>> = {
  yes: EXIT.OK,
  no: EXIT.FAILED,
  "cannot tell": EXIT.CANNOT_TELL,
};

/**
 * Makes the subcommand.
 *
 * @param parts what it is made of
 */
export function createCheck(parts: CheckParts): Command {
  return {
    name: "check",
    summary: "Tells which region a client on this node sees, and why",
    help: HELP,
    async run(args, io) {
      const request = parseRequest(args, io);
      scrubEnvironment();
      await loadClient();
      const findings = await find(request, parts);
      const advice = advise(findings);
      io.stdout(
        request.json
          ? renderReportJson(findings, advice)
          : renderReport(findings, advice),
      );
      return ANSWER_CODES[advice.answer];
    },
  };
}

/** The subcommand `check`. */
export const check: Command = createCheck({
  run: systemRunner,
  ask: askMetadata,
  clock: systemClock,
  // Only Windows has none, and no iptables either.
  uid: () => Deno.uid() ?? 0,
});

async function find(
  { url, destination, regions, promised, user, port, waitMs }: CheckRequest,
  { run, ask, clock, uid: ownUid }: CheckParts,
): Promise<Findings> {
  const proxyUid = await resolveUser(user, run);
  const uid = ownUid();
  // Each question has its own time.
  const onceMs = (QUESTIONS + promised.length) * ANSWER_MS;
  const look = async (at: string, until: number) => {
    const observation = await observe(at, {
      ask,
      now: clock.now,
      until,
      promised,
    });
    return { observation, sighting: sightingOf(observation, regions) };
  };
  const around = destination !== undefined && uid === proxyUid;
  const seen = around ? undefined : await lookUntil(
    (until) => look(url, until),
    ({ sighting, observation }) =>
      sighting.kind === "emulated" && brokenPromise(observation) === undefined,
    { waitMs, onceMs, clock },
  );
  const rule = await readRule(destination, { port, uid: proxyUid }, run);
  const findings = { url, uid, regions, rule, seen };
  if (
    seen === undefined || seen.sighting.kind === "emulated" ||
    destination === undefined
  ) {
    return { ...findings, proxy: undefined };
  }
  const address = `127.0.0.1:${port}`;
  const { sighting } = await look(
    `http://${address}`,
    clock.now() + onceMs,
  );
  return { ...findings, proxy: { address, sighting } };
}
