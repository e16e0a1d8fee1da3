/**
 * `deno task soak`: ten minutes of load and faults on each backend, with a
 * report; with `--seconds N` fewer or more, and with `--seed S` the same ones
 * again.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { RUN_FOLDER } from "../helpers/installed.ts";
import type { Namespace } from "../helpers/namespace.ts";
import {
  asUser,
  BACKENDS,
  childOf,
  createNode,
  EMULATED,
  isAlive,
  type NodeBackend,
  procfs,
  REAL,
  until,
} from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { createRandom } from "../helpers/random.ts";
import { descriptorsOf } from "../reliability/served.ts";
import { type Fault, FAULTS, type Scene, served, sleep } from "./faults.ts";
import {
  attribute,
  type Event,
  type Failure,
  memoryOf,
  misfits,
  strayErrors,
} from "./judgement.ts";

const flags = parseArgs(Deno.args, { string: ["seconds", "seed"] });
const seconds = Number(flags.seconds ?? 600);
const seed = Number(flags.seed ?? Date.now() % 65_536);
if (!Number.isInteger(seconds) || !Number.isInteger(seed)) {
  throw new Error("Cannot soak: --seconds and --seed take whole numbers");
}

/** Ends it early, with everything undone. */
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interrupted = true);
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/**
 * Soaks the program on a node of its own.
 *
 * @returns what does not hold, one line each
 */
async function soak(backend: NodeBackend): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  stack.defer(() => Deno.remove(file));
  const node = stack.use(await createNode(backend));
  const before = await node.rules();
  const load = await startLoad(node.namespace);
  const program = stack.use(
    await node.start(`serve --iptables --config ${file}`),
  );
  const random = createRandom(seed);
  const { service } = node;
  const scene: Scene = { node, backend, program, file, service, random };
  await served(scene);
  const start = await openIn(program);
  const stopWatching = watchMemory(program);
  load.begin();
  const events: Event[] = [];
  const aftermath: Event[] = [];
  const problems: string[] = [];
  try {
    for (const fault of faultsIn(scene)) {
      if (interrupted) throw new Error("interrupted");
      const { name, allowed, refusedMs = 0 } = fault;
      const from = Date.now();
      await fault.inject(scene);
      const to = Date.now();
      events.push({ name, allowed, from, to });
      if (refusedMs > 0) {
        const span = { from: to, to: to + refusedMs };
        aftermath.push({
          name: `after ${name}`,
          allowed: ["refused"],
          ...span,
        });
      }
      say(
        `${backend} ${new Date(from).toISOString()} ${name}: ${to - from} ms`,
      );
      await sleep(200 + random.int(800));
    }
  } catch (error) {
    problems.push(String(error));
  }
  // What another fault explains is not theirs.
  events.push(...aftermath);
  const { tally, failures } = await load.count();
  const memory = await stopWatching();
  await scene.service.stop();
  problems.push(
    ...misfits(events, failures),
    ...memory.flatMap(({ problem }) => problem ?? []),
    ...await leftOvers(program, start),
    ...strayErrors(program.stderr()),
  );
  if (await node.rules() !== before) problems.push("The tables have changed");
  const lines = [
    "",
    `${backend}, ${seconds} s, seed ${seed}`,
    ...Object.entries(tally).map(([name, count]) => `${name}: ${count}`),
    ...summary(events, failures),
    ...memory.map(({ course }) => course),
    ...problems.map((problem) => `Wrong: ${problem}`),
  ];
  for (const line of lines) say(line);
  return problems;
}

/** Rounds of all faults, in an order that is drawn; at the least one. */
function* faultsIn({ random }: Scene): Iterable<Fault> {
  const end = performance.now() + seconds * 1_000;
  const deadly = FAULTS.filter(({ kills }) => kills);
  const others = FAULTS.filter(({ kills }) => !kills);
  yield* deadly;
  for (let round = 0;; round++) {
    const left = [...others];
    while (left.length > 0) {
      if (round > 0 && performance.now() > end) return;
      yield* left.splice(random.int(left.length), 1);
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
    return [`${name}: ${same.length} times, ${most} ms at most`, ...counts]
      .join("; ");
  });
}

/**
 * Starts the clients of `load.py` while nothing is redirected yet: they learn
 * what is right.
 */
async function startLoad(namespace: Namespace) {
  const spawned = namespace.spawn([
    ...[...asUser(1000), "/usr/bin/python3"],
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
      const tally: Readonly<Record<string, number>> = lines.pop();
      const failures: readonly Failure[] = lines;
      return { tally, failures };
    },
  };
}

/**
 * Looks at the memory of parent and last child each second.
 *
 * @returns what ends it and judges
 */
function watchMemory(
  program: RunningProgram,
): () => Promise<ReturnType<typeof memoryOf>[]> {
  const looks = new Map<number, number[]>();
  const look = async (): Promise<void> => {
    for (const pid of [program.pid, await childOf(program)]) {
      if (pid === undefined) continue;
      const smaps = await procfs(pid, "smaps_rollup");
      const [, kilobytes] = /^Anonymous:\s+(\d+) kB/m.exec(smaps) ?? [];
      if (kilobytes === undefined) continue;
      looks.set(pid, [...looks.get(pid) ?? [], Number(kilobytes) / 1_000]);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => looking = looking.then(look), 1_000);
  return async () => {
    clearInterval(timer);
    await looking;
    const [parent = [], ...children] = looks.values();
    return [
      memoryOf("parent", parent),
      memoryOf("last child", children.at(-1) ?? []),
    ];
  };
}

/** How many descriptors parent and child have open. */
async function openIn(program: RunningProgram): Promise<number[]> {
  const child = await childOf(program);
  return await Promise.all(
    [program.pid, ...child === undefined ? [] : [child]].map(descriptorsOf),
  );
}

/** Stops the program; what is not as it was at the start, and what is left. */
async function leftOvers(
  program: RunningProgram,
  start: readonly number[],
): Promise<string[]> {
  const problems: string[] = [];
  try {
    await until("descriptors are no more than at the start", async () => {
      const now = await openIn(program);
      return start.every((count, i) => (now[i] ?? Infinity) <= count);
    });
  } catch (error) {
    problems.push(`${error}: ${start}, now ${await openIn(program)}`);
  }
  const child = await childOf(program);
  const { code } = await program.stop();
  if (code !== 0) problems.push(`The program ended with code ${code}`);
  if (child === undefined || await isAlive(child)) {
    problems.push("The child was not there at the end, or lives on");
  }
  return problems;
}

say(`deno task soak --seconds ${seconds} --seed ${seed}`);
const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
try {
  Deno.env.set(RUN_FOLDER, folder);
  for (const backend of BACKENDS) {
    if (interrupted) break;
    if ((await soak(backend)).length > 0) Deno.exitCode = 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
// Listeners of signals would keep it alive.
Deno.exit();
