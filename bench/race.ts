/**
 * The measurements side by side: every contestant under the same load, in turn,
 * round after round.
 *
 * @module
 */
import { type Contestant, prepare } from "./contestants.ts";
import { type Document, DOCUMENTS, identity } from "./documents.ts";
import { ask, freePort, type Running, startAnswering } from "./processes.ts";
import { processesOf, type ProcessUsage, total, usageOf } from "./usage.ts";
import { type Load, load } from "./wrk.ts";

/** The upstream itself, without a proxy. */
export const DIRECT = "direct";

/** How much is measured. */
export interface RacePlan {
  /** How often everything is measured. */
  readonly rounds: number;
  /** How often each contestant is started. */
  readonly starts: number;
  /** What is asked for, by how many connections, for how many seconds. */
  readonly loads: readonly {
    readonly document: Document;
    readonly connections: number;
    readonly seconds: number;
  }[];
}

/** One contestant under one load in one round. */
export interface Sample {
  /** Its name. */
  readonly contestant: string;
  /** What was asked for. */
  readonly document: Document;
  /** By how many connections. */
  readonly connections: number;
  /** What wrk measured. */
  readonly load: Load;
  /** Seconds of processor time for 100,000 requests; none for the upstream. */
  readonly cpu: number | undefined;
}

/** What a contestant costs besides. */
export interface Footprint {
  /** Times from its start to its first answer, in milliseconds. */
  readonly startMs: readonly number[];
  /** Its processes after its first answer. */
  readonly idle: readonly ProcessUsage[];
  /** The same after all loads. */
  readonly loaded: readonly ProcessUsage[];
}

/** All that was measured side by side. */
export interface RaceResults {
  /** Every measurement, in the order of time. */
  readonly samples: readonly Sample[];
  /** By contestant. */
  readonly footprints: ReadonlyMap<string, Footprint>;
  /** Who could not take part, and why. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** A contestant that runs. */
interface Starter {
  readonly name: string;
  readonly port: number;
  readonly program: Running;
  readonly pids: readonly number[];
  readonly idle: readonly ProcessUsage[];
  readonly startMs: readonly number[];
}

/** How long a program may settle after its start, in milliseconds. */
const SETTLE_MS = 500;

/**
 * Measures everything.
 *
 * @param all who takes part
 * @param upstream the port of the upstream
 * @param folder where contestants may keep files
 * @param plan how much is measured
 * @param tell told how far it is
 */
export async function race(
  all: readonly Contestant[],
  upstream: number,
  folder: string,
  plan: RacePlan,
  tell: (message: string) => void,
): Promise<RaceResults> {
  const skipped = new Map<string, string>();
  const samples: Sample[] = [];
  const footprints = new Map<string, Footprint>();
  await using running = new AsyncDisposableStack();
  const starters: Starter[] = [];
  for (const contestant of all) {
    tell(`starting ${contestant.name}`);
    const own = `${folder}/${all.indexOf(contestant)}`;
    const reason = await prepare(contestant, own);
    if (reason !== undefined) {
      skipped.set(contestant.name, reason);
      continue;
    }
    const starter = await start(contestant, own, upstream, plan.starts);
    running.use(starter.program);
    await requireRewriting(starter);
    starters.push(starter);
  }
  let turn = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const it of plan.loads) {
      tell(
        `round ${round} of ${plan.rounds}: ${it.document.name}, connections: ${it.connections}`,
      );
      // Whoever comes first has the caches of the one before the last load.
      const order: readonly (Starter | undefined)[] = turned(
        [undefined, ...starters],
        turn++,
      );
      for (const starter of order) {
        const port = starter?.port ?? upstream;
        const before = await usageOf(starter?.pids ?? []);
        const measured = await load(
          `http://127.0.0.1:${port}${it.document.target}`,
          it,
        );
        const after = await usageOf(starter?.pids ?? []);
        const seconds = total(after, "cpuSeconds") -
          total(before, "cpuSeconds");
        samples.push({
          contestant: starter?.name ?? DIRECT,
          document: it.document,
          connections: it.connections,
          load: measured,
          cpu: starter && seconds / measured.requests * 100_000,
        });
      }
    }
  }
  for (const { name, pids, idle, startMs } of starters) {
    footprints.set(name, { startMs, idle, loaded: await usageOf(pids) });
  }
  return { samples, footprints, skipped };
}

/**
 * One quantity of a contestant under one load, a value a round.
 *
 * @param samples all measurements
 * @param of the contestant's name, the document and the connections
 * @param pick takes the quantity
 */
export function valuesOf(
  samples: readonly Sample[],
  of: Pick<Sample, "contestant" | "document" | "connections">,
  pick: (sample: Sample) => number | undefined,
): readonly number[] {
  return samples.filter((it) =>
    it.contestant === of.contestant && it.document === of.document &&
    it.connections === of.connections
  ).map(pick).filter((it) => it !== undefined);
}

/** Answers a second, for {@linkcode valuesOf}. */
export function perSecond({ load }: Sample): number {
  return load.requests / load.seconds;
}

/** Starts a contestant as often as asked and leaves the last one running. */
async function start(
  contestant: Contestant,
  folder: string,
  upstream: number,
  times: number,
): Promise<Starter> {
  const startMs: number[] = [];
  for (;;) {
    const port = freePort();
    const command = contestant.command({ folder, port, upstream });
    const started = await startAnswering(command, port, identity.target);
    startMs.push(started.startMs);
    const { program } = started;
    if (startMs.length < times) {
      await program[Symbol.asyncDispose]();
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const pids = await processesOf(program.pid);
    const idle = await usageOf(pids);
    return { name: contestant.name, port, program, pids, idle, startMs };
  }
}

/** Speed without the work would be no achievement. */
async function requireRewriting({ name, port }: Starter): Promise<void> {
  for (const { target } of DOCUMENTS.slice(0, 2)) {
    const answer = await ask(port, target) ?? "";
    if (!answer.includes("us-iso-east-1b") || answer.includes("us-east-1")) {
      throw new Error(`Wrong answer of ${name} for ${target}: ${answer}`);
    }
  }
}

function turned<T>(values: readonly T[], by: number): readonly T[] {
  const at = by % values.length;
  return [...values.slice(at), ...values.slice(0, at)];
}
