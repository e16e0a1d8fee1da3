/**
 * The measurements side by side: every contestant under the same load, in turn,
 * round after round.
 *
 * @module
 */
import { type Contestant, prepare } from "./contestants.ts";
import { identity } from "./documents.ts";
import { ask, freePort, type Running, startAnswering } from "./processes.ts";
import {
  processesOf,
  type ProcessUsage,
  total,
  usageOf,
  worker,
} from "./usage.ts";
import { type Load, load } from "./wrk.ts";

/** The upstream itself, without a proxy. */
export const DIRECT = "direct";

/** How much is measured. */
export interface RacePlan {
  /** How often everything is measured. */
  readonly rounds: number;
  /** How often each contestant is started. */
  readonly starts: number;
  /** By how many connections it is asked, for how many seconds. */
  readonly loads: readonly {
    readonly connections: number;
    readonly seconds: number;
  }[];
}

/** One contestant under one load in one round. */
export interface Sample {
  /** Its name. */
  readonly contestant: string;
  /** How many connections asked. */
  readonly connections: number;
  /** What wrk measured. */
  readonly load: Load;
  /** Seconds of processor time for 100,000 requests; none for the upstream. */
  readonly cpu: number | undefined;
}

/** What a contestant costs while nobody asks. */
interface Idle {
  /** Times from its start to its first answer, in milliseconds. */
  readonly startMs: readonly number[];
  /** Its processes after its first answer, while no other contestant runs. */
  readonly idle: readonly ProcessUsage[];
}

/** What a contestant costs besides. */
export interface Footprint extends Idle {
  /** Its processes after all loads, of another start, while all others run. */
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

/** A contestant that has answered. */
interface Started {
  readonly name: string;
  readonly port: number;
  readonly program: Running;
  readonly startMs: number;
}

/** A contestant that is ready. */
interface Starter extends Started {
  readonly pids: readonly number[];
}

/** How long a program may settle after its first answer, in milliseconds. */
const SETTLE_MS = 500;

/** Lets programs start the rest of their processes, and be idle. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

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
  const idles = new Map<string, Idle>();
  const folderOf = (it: Contestant) => `${folder}/${all.indexOf(it)}`;
  for (const contestant of all) {
    tell(`starting ${contestant.name}`);
    const own = folderOf(contestant);
    const reason = await prepare(contestant, own);
    if (reason !== undefined) skipped.set(contestant.name, reason);
    else {
      const idle = await idleOf(contestant, own, upstream, plan.starts);
      idles.set(contestant.name, idle);
    }
  }
  await using running = new AsyncDisposableStack();
  const started: Started[] = [];
  for (const contestant of all.filter(({ name }) => idles.has(name))) {
    const one = await start(contestant, folderOf(contestant), upstream);
    running.use(one.program);
    await requireRewriting(one);
    started.push(one);
  }
  await settle();
  const starters: readonly Starter[] = await Promise.all(
    started.map(async (it) => ({
      ...it,
      pids: await processesOf(it.program.pid),
    })),
  );
  let turn = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const it of plan.loads) {
      tell(
        `round ${round} of ${plan.rounds}, connections: ${it.connections}`,
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
          `http://127.0.0.1:${port}${identity.target}`,
          it,
        );
        const after = await usageOf(starter?.pids ?? []);
        const seconds = total(after, "cpuSeconds") -
          total(before, "cpuSeconds");
        samples.push({
          contestant: starter?.name ?? DIRECT,
          connections: it.connections,
          load: measured,
          cpu: starter && seconds / measured.requests * 100_000,
        });
      }
    }
  }
  const footprints = new Map<string, Footprint>();
  for (const { name, pids } of starters) {
    const idle = idles.get(name) ?? { startMs: [], idle: [] };
    footprints.set(name, { ...idle, loaded: await usageOf(pids) });
  }
  return { samples, footprints, skipped };
}

/**
 * The process that is to do the work, before it does: which one that is shows
 * under load only. Each start has the processes in the same order.
 */
export function idleWorker(
  { idle, loaded }: Footprint,
): ProcessUsage | undefined {
  return idle[loaded.indexOf(worker(loaded))];
}

/**
 * One quantity of a contestant under one load, a value a round.
 *
 * @param samples all measurements
 * @param of the contestant's name and the connections
 * @param pick takes the quantity
 */
export function valuesOf(
  samples: readonly Sample[],
  of: Pick<Sample, "contestant" | "connections">,
  pick: (sample: Sample) => number | undefined,
): readonly number[] {
  return samples.filter((it) =>
    it.contestant === of.contestant && it.connections === of.connections
  ).map(pick).filter((it) => it !== undefined);
}

/** Answers a second, for {@linkcode valuesOf}. */
export function perSecond({ load }: Sample): number {
  return load.requests / load.seconds;
}

/**
 * Starts a contestant as often as asked, and looks at the last one. By itself:
 * those of one executable share its pages.
 */
async function idleOf(
  contestant: Contestant,
  folder: string,
  upstream: number,
  times: number,
): Promise<Idle> {
  const startMs: number[] = [];
  for (;;) {
    const started = await start(contestant, folder, upstream);
    await using program = started.program;
    startMs.push(started.startMs);
    if (startMs.length < times) continue;
    await settle();
    const idle = await usageOf(await processesOf(program.pid));
    return { startMs, idle };
  }
}

/** Starts a contestant. */
async function start(
  contestant: Contestant,
  folder: string,
  upstream: number,
): Promise<Started> {
  const { name } = contestant;
  const port = freePort();
  const command = contestant.command({ folder, port, upstream });
  return {
    name,
    port,
    ...await startAnswering(command, port, identity.target),
  };
}

/** Speed without the work would be no achievement. */
async function requireRewriting({ name, port }: Started): Promise<void> {
  const answer = await ask(port, identity.target) ?? "";
  if (!answer.includes("us-iso-east-1b") || answer.includes("us-east-1")) {
    throw new Error(`Wrong answer of ${name}: ${answer}`);
  }
}

function turned<T>(values: readonly T[], by: number): readonly T[] {
  const at = by % values.length;
  return [...values.slice(at), ...values.slice(0, at)];
}
