/**
 * One soak: a node under load, faults, and what must hold afterwards.
 *
 * @module
 */
import type { Installed } from "../helpers/installed.ts";
import type { Namespace } from "../helpers/namespace.ts";
import {
  asUser,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  type NodeBackend,
  procfs,
  REAL,
  until,
} from "../helpers/node.ts";
import { plainRunner } from "../helpers/plain_runner.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { createRandom } from "../helpers/random.ts";
import { type Fault, FAULTS, type Scene, served, sleep } from "./faults.ts";
import {
  attribute,
  type Event,
  type Failure,
  memoryOf,
  misfits,
  strayErrors,
} from "./judgement.ts";

/** How it is done. */
export interface SoakOptions {
  /** The backend of the rule. */
  readonly backend: NodeBackend;
  /** For how long faults are injected. */
  readonly seconds: number;
  /** What all chance is drawn from. */
  readonly seed: number;
  /** Told of each event. */
  readonly tell: (line: string) => void;
  /** Ends it early, with everything undone. */
  readonly signal: AbortSignal;
}

/** How it went. */
export interface Soak {
  /** What was done and seen, as lines for people. */
  readonly lines: readonly string[];
  /** What does not hold, one line each; none if all is well. */
  readonly problems: readonly string[];
}

/** As many children may die within a minute, less than make the parent give up. */
const MOST_DEATHS = 3;

/** A soak must judge memory from so many seconds on. */
const JUDGED = 60;

/** From this share of the time on, the child lives, and its memory can tell. */
const LAST_DEATH = 0.3;

/**
 * Soaks the program on a node of its own.
 *
 * @param installed the program
 */
export async function soak(
  installed: Installed,
  { backend, seconds, seed, tell, signal }: SoakOptions,
): Promise<Soak> {
  await using stack = new AsyncDisposableStack();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  stack.defer(() => Deno.remove(file));
  const node = stack.use(await createNode(installed, backend));
  const before = await node.rules();
  const load = await startLoad(node.namespace, seed);
  const program = stack.use(
    await node.start(`serve --iptables --config ${file}`),
  );
  const random = createRandom(seed);
  const { service } = node;
  const scene: Scene = { node, backend, program, file, service, random };
  await served(scene);
  const start = await descriptorsOf(program);
  const watch = new Watch(program);
  load.begin();
  const events: Event[] = [];
  const aftermath: Event[] = [];
  const problems: string[] = [];
  try {
    for (const fault of faultsIn(scene, seconds)) {
      if (signal.aborted) throw new Error("interrupted");
      const from = Date.now();
      await fault.inject(scene);
      const to = Date.now();
      const { name, allowed, shows, refusedMs = 0 } = fault;
      events.push({ name, allowed, shows, from, to });
      if (refusedMs > 0) {
        aftermath.push({
          name: `${refusedMs / 1_000} s after ${name}`,
          allowed: ["refused"],
          from: to,
          to: to + refusedMs,
        });
      }
      tell(`${new Date(from).toISOString()} ${name}: ${to - from} ms`);
      await sleep(200 + random.int(800));
    }
  } catch (error) {
    problems.push(String(error));
  }
  // What another fault explains is not theirs.
  events.push(...aftermath);
  const { tally, failures } = await load.count();
  const memory = await watch.close();
  await scene.service.stop();
  problems.push(
    ...misfits(events, failures),
    ...memory.flatMap(({ problem }) => seconds < JUDGED ? [] : problem ?? []),
    ...await leftOvers(program, start),
    ...strayErrors(program.stderr()),
  );
  if (await node.rules() !== before) problems.push("The tables have changed");
  return {
    lines: [
      `${backend}, ${seconds} s, seed ${seed}`,
      ...Object.entries(tally).map(([name, count]) => `${name}: ${count} well`),
      ...summary(events, failures),
      ...memory.map(({ course }) => course),
    ],
    problems,
  };
}

/** Rounds of all faults, in an order that is drawn; at the least one. */
function* faultsIn({ random }: Scene, seconds: number): Iterable<Fault> {
  const begin = performance.now();
  const deaths: number[] = [];
  for (let round = 0;; round++) {
    const left = [...FAULTS];
    const order = FAULTS.flatMap(() => left.splice(random.int(left.length), 1));
    // A short run's last child would be too young to judge.
    if (round === 0) {
      order.sort((a, b) => Number(b.kills ?? 0) - Number(a.kills ?? 0));
    }
    for (const fault of order) {
      const elapsed = (performance.now() - begin) / 1_000;
      if (round > 0 && elapsed >= seconds) return;
      if (fault.kills) {
        const recent = deaths.filter((at) => elapsed - at < 61).length;
        const isLate = round > 0 && elapsed > seconds * LAST_DEATH;
        if (isLate || recent >= MOST_DEATHS) continue;
        deaths.push(elapsed);
      }
      yield fault;
    }
  }
}

/** What each fault did to clients. */
function summary(
  events: readonly Event[],
  failures: readonly Failure[],
): string[] {
  const caused = attribute(events, failures);
  return [...Map.groupBy(events, ({ name }) => name)].map(([name, same]) => {
    const met = same.flatMap((event) => caused.get(event) ?? []);
    const counts = [...Map.groupBy(met, ({ what }) => what)]
      .map(([what, { length }]) => `${length} ${what}`);
    const most = Math.max(...same.map(({ from, to }) => to - from));
    return `${name}: ${same.length} times, ${most} ms at most; ${
      counts.join(", ") || "nothing seen"
    }`;
  });
}

/** Clients that know what to expect, as `load.py` has them. */
interface Load {
  begin(): void;
  count(): Promise<{
    readonly tally: Readonly<Record<string, number>>;
    readonly failures: readonly Failure[];
  }>;
}

/** Starts them while nothing is redirected yet: they learn what is right. */
async function startLoad(namespace: Namespace, seed: number): Promise<Load> {
  const spawned = namespace.spawn([
    ...asUser(1000),
    "/usr/bin/python3",
    new URL("load.py", import.meta.url).pathname,
    ...[REAL ?? "", EMULATED ?? "", String(seed)],
  ]);
  await spawned.shows(/^learned$/m);
  return {
    begin: () => Deno.kill(spawned.pid, "SIGUSR1"),
    async count() {
      await spawned.kill("SIGTERM");
      const lines = spawned.stdout().trim().split("\n").slice(1)
        .map((line) => JSON.parse(line));
      const { tally } = lines.pop();
      return { tally, failures: lines };
    },
  };
}

/** Looks at the memory of parent and last child each second. */
class Watch {
  readonly #looks = new Map<number, number[]>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #program: RunningProgram;
  #looking = Promise.resolve();

  constructor(program: RunningProgram) {
    this.#program = program;
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, 1_000);
  }

  async #look(): Promise<void> {
    for (const pid of [this.#program.pid, await childOf(this.#program)]) {
      if (pid === undefined) continue;
      const [, kilobytes] = /^Anonymous:\s+(\d+) kB/m.exec(
        await procfs(pid, "smaps_rollup"),
      ) ?? [];
      if (kilobytes === undefined) continue;
      const looks = this.#looks.get(pid) ?? [];
      this.#looks.set(pid, [...looks, Number(kilobytes) / 1_000]);
    }
  }

  async close(): Promise<ReturnType<typeof memoryOf>[]> {
    clearInterval(this.#timer);
    await this.#looking;
    const [parent = [], ...children] = this.#looks.values();
    return [
      memoryOf("parent", parent),
      memoryOf("last child", children.at(-1) ?? []),
    ];
  }
}

/** How many descriptors parent and child have open. */
async function descriptorsOf(program: RunningProgram): Promise<number[]> {
  const counts: number[] = [];
  for (const pid of [program.pid, await childOf(program)]) {
    const listed = await plainRunner(["ls", `/proc/${pid}/fd`]);
    if (typeof listed === "string") continue;
    counts.push(listed.stdout.trim().split("\n").length);
  }
  return counts;
}

/** Stops the program; what is not as it was at the start, and what is left. */
async function leftOvers(
  program: RunningProgram,
  start: readonly number[],
): Promise<string[]> {
  const problems: string[] = [];
  try {
    await until("descriptors are no more than at the start", async () => {
      const now = await descriptorsOf(program);
      return start.every((count, i) => (now[i] ?? Infinity) <= count);
    });
  } catch (error) {
    problems.push(`${error}: ${start}, now ${await descriptorsOf(program)}`);
  }
  const child = await childOf(program);
  const { code } = await program.stop();
  if (code !== 0) problems.push(`The program ended with code ${code}`);
  if (child === undefined || await isAlive(child)) {
    problems.push("The child was not there at the end, or lives on");
  }
  return problems;
}
