/**
 * What is measured.
 *
 * @module
 */
import { type Contestant, HOT, NGINX } from "./contestants.ts";
import { AROUND, type Lab, MEASURED, type Pinned, processesOf } from "./lab.ts";
import { Samples, type Section } from "./report.ts";

/** How much is measured. */
export interface Plan {
  /** How many bursts each contestant gets. */
  readonly rounds: number;
  /** How many requests a burst has. */
  readonly burst: number;
  /** How many requests come before the first. */
  readonly warmUp: number;
  /** How often what takes longer is repeated. */
  readonly repeats: number;
  /** For how many seconds requests come at the rate of a node. */
  readonly seconds: number;
}

/** The service itself, without a proxy. */
export const DIRECT = "direct";

/** This program asked for more different things than it keeps in memory. */
export const MANY_PATHS = `${HOT}, 1,000 paths in turn`;

const PATHS = Array.from({ length: 1_000 }, (_, i) => `/latest/meta-data/${i}`);

/** Processor time for a request. */
export const CPU = "CPU µs";

/** Requests a second. */
export const SPEED = "requests/s";

/** Half the answers took no longer, in milliseconds. */
export const P50 = "p50 ms";

/** 99 of 100 answers took no longer, in milliseconds. */
export const P99 = "p99 ms";

/** The longest answer, in milliseconds. */
export const WORST = "worst ms";

/** What share of the requests went on to the service. */
export const UP = "sent up %";

/** Requests without a right answer in ten seconds. */
export const FAILED = "failed";

/** From the start to the first right answer, in milliseconds. */
export const START = "start ms";

/** Memory with nothing to do: PSS of all processes, in MB. */
export const IDLE = "idle MB";

/** The most memory that the process that does the work had: RSS, in MB. */
export const PEAK = "peak MB";

/** How large the executable is. */
export const SIZE = "executable MB";

/** A time less the one without a proxy. */
export function added(quantity: string): string {
  return `${quantity} added`;
}

/** Who takes part. */
export type Field = ReadonlyMap<string, Contestant>;

/** The port of the service. */
export const SERVICE = 81;

const FIRST = 4001;

/** An address of the lab. */
export function at(port: number): string {
  return `127.0.0.1:${port}`;
}

/** A contestant that answers, or the service itself. */
interface Running {
  readonly name: string;
  readonly address: string;
  readonly pids: readonly number[];
  readonly startMs: number;
}

/** Starts one; the stack ends it. */
export async function start(
  lab: Lab,
  stack: AsyncDisposableStack,
  [name, contestant]: readonly [string, Contestant],
  port: number = FIRST,
  pinned?: Pinned,
): Promise<Running> {
  const argv = contestant({ folder: lab.folder, port, service: SERVICE });
  const started = Date.now();
  const program = lab.start(argv, pinned);
  stack.defer(() => program.kill("SIGTERM"));
  const answered = await lab.answers(at(port));
  const pids = await processesOf(program.pid);
  const startMs = answered * 1e3 - started;
  return { name, address: at(port), pids, startMs };
}

/** Starts the service and all contestants. */
export async function startAll(
  lab: Lab,
  stack: AsyncDisposableStack,
  field: Field,
  { delay, kind }: Omit<Manner, "connections">,
  measured?: Pinned,
): Promise<readonly Running[]> {
  const around = measured && AROUND;
  const service = await lab.service(at(SERVICE), delay, kind, around);
  stack.defer(() => service.kill());
  const pids = [service.pid];
  const running: Running[] = [{
    name: DIRECT,
    address: at(SERVICE),
    pids,
    startMs: NaN,
  }];
  for (const [i, one] of [...field].entries()) {
    running.push(await start(lab, stack, one, FIRST + i, measured));
  }
  return running;
}

/** How the service answers. */
export interface Manner {
  /** After this time, `100us`. */
  readonly delay: string;
  /** And then it closes the connection, or not. */
  readonly kind: "close" | "keep";
  /** How many clients there are at one time. */
  readonly connections: number;
}

/**
 * Processor time and throughput: bursts of as many requests, all contestants in
 * turn. They have one processor, the service and the clients another.
 */
export async function bursts(
  lab: Lab,
  field: Field,
  { rounds, burst, warmUp }: Plan,
  { delay, kind, connections }: Manner,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const running = await startAll(
    lab,
    stack,
    field,
    { delay, kind },
    MEASURED,
  );
  const service = running[0]?.pids ?? [];
  const asked = [
    ...running.map((it) => ({ ...it, flags: [] as string[] })),
    ...running.filter(({ name }) => name === HOT).map((it) => ({
      ...it,
      name: MANY_PATHS,
      flags: [`-targets=${PATHS}`],
    })),
  ];
  for (const { address } of running.slice(1)) {
    await lab.load([`-n=${warmUp}`, "-c=16"], [address], AROUND);
  }
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first has the caches of the one before the last burst.
    const turn = round % asked.length;
    const order = [...asked.slice(turn), ...asked.slice(0, turn)];
    for (const { name, address, pids, flags } of order) {
      const [it] = await lab.load(
        [
          ...[`-n=${burst}`, `-c=${connections}`],
          `-pids=${[...service, ...pids]}`,
          `-service=${at(SERVICE)}`,
          ...flags,
        ],
        [address],
        AROUND,
      );
      if (it === undefined) continue;
      const [around = NaN, ...own] = it.cpu;
      const cpu = own.reduce((sum, seconds) => sum + seconds, 0);
      samples.add(name, {
        [CPU]: name === DIRECT ? NaN : cpu / burst * 1e6,
        [SPEED]: burst / it.seconds,
        "busy %": name === DIRECT ? NaN : Math.round(cpu / it.seconds * 100),
        [P50]: it.p50 * 1e3,
        [P99]: it.p99 * 1e3,
        [FAILED]: it.failed,
        "bench µs": (around + it.own) / burst * 1e6,
      });
    }
  }
  const after = `after ${delay.replace("us", " µs").replace("ms", " ms")}`;
  return {
    title: kind === "keep"
      ? `A service that keeps connections, an answer ${after}`
      : `A service that closes each connection, an answer ${after}`,
    about: `${rounds} rounds; ${connections} clients keep their connections.`,
    rounds: samples.rounds,
    compared: [CPU, SPEED],
    base: NGINX,
  };
}

/** Ten requests a second, each on a connection of its own. */
export async function quietNode(
  lab: Lab,
  field: Field,
  { seconds }: Plan,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const manner = { delay: "100us", kind: "close" } as const;
  const running = await startAll(lab, stack, field, manner);
  const results = await lab.load(
    [
      "-fresh",
      `-service=${at(SERVICE)}`,
      `-rounds=${seconds * 10}`,
      "-every=100ms",
    ],
    running.map(({ address }) => address),
  );
  const [direct] = results;
  const rounds = new Map(results.map((it, i) => [running[i]?.name ?? "", [{
    [P50]: it.p50 * 1e3,
    [P99]: it.p99 * 1e3,
    [FAILED]: it.failed,
    [added(P50)]: (it.p50 - (direct?.p50 ?? NaN)) * 1e3,
    [added(P99)]: (it.p99 - (direct?.p99 ?? NaN)) * 1e3,
  }]]));
  return {
    title: "Ten requests a second, as on a node",
    about: `For ${seconds} s, all in turn, each request on a new connection to a
service that closes it after 100 µs.`,
    rounds,
  };
}
