/**
 * What is measured.
 *
 * @module
 */
import { type Contestant, NGINX } from "./contestants.ts";
import {
  AROUND,
  Lab,
  MEASURED,
  memoryOf,
  type Pinned,
  processesOf,
  timeOf,
} from "./lab.ts";
import type { Sample, Section } from "./report.ts";

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

const SERVICE = 81;
const FIRST = 4001;

/** Long enough for a program to be idle after its start, in milliseconds. */
const SETTLE_MS = 2_000;

function at(port: number): string {
  return `127.0.0.1:${port}`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A contestant that answers, or the service itself. */
interface Running {
  readonly name: string;
  readonly address: string;
  readonly pids: readonly number[];
  readonly startMs: number;
}

/** Starts one; the stack ends it. */
async function start(
  lab: Lab,
  stack: AsyncDisposableStack,
  [name, contestant]: readonly [string, Contestant],
  port: number,
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
async function startAll(
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

/** Collects samples by contestant, in the order of the first ones. */
class Samples {
  readonly rounds = new Map<string, Sample[]>();

  add(name: string, sample: Sample): void {
    const samples = this.rounds.get(name) ?? [];
    this.rounds.set(name, [...samples, sample]);
  }
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
  const [{ pids: service } = { pids: [] }] = running;
  for (const { address } of running) {
    await lab.load([`-n=${warmUp}`, "-c=16"], [address], AROUND);
  }
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first has the caches of the one before the last burst.
    const turn = round % running.length;
    const order = [...running.slice(turn), ...running.slice(0, turn)];
    for (const { name, address, pids } of order) {
      const [it] = await lab.load(
        [
          ...[`-n=${burst}`, `-c=${connections}`],
          `-pids=${[...service, ...pids]}`,
          `-service=${at(SERVICE)}`,
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
      ? `A service that keeps connections and answers ${after}`
      : `A service that closes each connection and answers ${after}`,
    about:
      `${rounds} rounds of ${burst} requests by ${connections} clients that keep
their connections. Busy says how much of its processor a contestant had; below
90 % it was not what limited the requests/s. The last column is what service and
clients took for a request.`,
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

/** What clients ask for at boot; none of it is left as it is. */
const AT_BOOT = [
  "dynamic/instance-identity/document",
  ...[
    "placement/region",
    "placement/availability-zone",
    "placement/availability-zone-id",
    "instance-id",
    "instance-type",
    "ami-id",
    "mac",
    "services/domain",
  ].map((it) => `meta-data/${it}`),
].map((it) => `/latest/${it}`);

/** The packets a second that the service takes from an interface. */
const PACKETS = 1_024;

/** Fifty clients at once, nine requests each, one after the other. */
export async function bootStorm(
  lab: Lab,
  field: Field,
  { repeats }: Plan,
  limited: boolean,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const manner = { delay: "1ms", kind: "close" } as const;
  const running = await startAll(lab, stack, field, manner);
  if (limited) {
    await lab.namespace.must(
      ["nft", "-f", "-"],
      `table ip bench { chain out { type filter hook output priority 0;
        tcp dport ${SERVICE} limit rate over ${PACKETS}/second burst ${PACKETS} packets drop
      }
    }\n`,
    );
    stack.defer(async () => {
      await lab.namespace.must(["nft", "delete", "table", "ip", "bench"]);
    });
  }
  const samples = new Samples();
  for (let round = 0; round < repeats; round++) {
    for (const { name, address } of running) {
      // Nothing is in memory any more, and the limit is as before.
      await wait(1_100);
      const [it] = await lab.load(
        [
          ...["-n=450", "-c=50", "-each", "-fresh"],
          ...[`-targets=${AT_BOOT}`, `-service=${at(SERVICE)}`, "-count"],
        ],
        [address],
      );
      if (it === undefined) continue;
      samples.add(name, {
        [WORST]: it.max * 1e3,
        [P50]: it.p50 * 1e3,
        [UP]: it.up / 4.5,
        [FAILED]: it.failed,
      });
    }
  }
  return {
    title: limited
      ? `The same, beyond ${
        PACKETS.toLocaleString("en")
      } packets a second dropped`
      : "A boot: 50 clients at once, 9 requests each",
    about: limited
      ? "As the service does it: who is dropped tries again after a second."
      : `${repeats} rounds, a connection for each request, no tokens, the service
answers after 1 ms.`,
    rounds: samples.rounds,
    compared: [WORST],
    base: DIRECT,
  };
}

/** Each by itself: its start, and 1,000 clients at one time. */
export async function crowd(
  lab: Lab,
  field: Field,
  { repeats }: Plan,
): Promise<Section> {
  await using service = new AsyncDisposableStack();
  await startAll(lab, service, new Map(), { delay: "100us", kind: "close" });
  const samples = new Samples();
  for (let round = 0; round < repeats; round++) {
    for (const one of field) {
      await using stack = new AsyncDisposableStack();
      const it = await start(lab, stack, one, FIRST);
      const [result] = await lab.load(["-n=10000", "-c=1000"], [it.address]);
      if (result === undefined) continue;
      const peaks = it.pids.map((pid) => memoryOf([pid], "VmHWM"));
      samples.add(it.name, {
        [START]: it.startMs,
        [P50]: result.p50 * 1e3,
        [P99]: result.p99 * 1e3,
        [FAILED]: result.failed,
        [PEAK]: Math.max(...await Promise.all(peaks)),
      });
    }
  }
  return {
    title: "1,000 connections",
    about: `${repeats} times 10,000 requests right after the start; the service
closes each connection after 100 µs.`,
    rounds: samples.rounds,
  };
}

/** Memory before, with and after 10,000 connections. */
export async function manyIdle(lab: Lab, field: Field): Promise<Section> {
  await using service = new AsyncDisposableStack();
  await startAll(lab, service, new Map(), { delay: "100us", kind: "close" });
  const samples = new Samples();
  for (const one of field) {
    await using stack = new AsyncDisposableStack();
    const { name, address, pids } = await start(lab, stack, one, FIRST);
    await wait(SETTLE_MS);
    const before = await memoryOf(pids, "Pss");
    const clients = lab.namespace.spawn([
      `${lab.folder}/harness`,
      ...["load", "-n=100", "-c=100", "-rounds=100", "-hold", address],
    ]);
    await clients.shows(/\n/);
    const during = await memoryOf(pids, "Pss");
    await clients.kill();
    await wait(SETTLE_MS);
    samples.add(name, {
      [IDLE]: before,
      "MB with them": during,
      "MB after them": await memoryOf(pids, "Pss"),
    });
  }
  return {
    title: "10,000 idle connections",
    about: `Each asked once and stays. PSS of all processes, the last one
${SETTLE_MS / 1e3} s after they left.`,
    rounds: samples.rounds,
  };
}

/** For how long a node is watched that has nothing to do, in milliseconds. */
const WATCH_MS = 10_000;

/** The service's own address; the lab has it. */
const IMDS = "169.254.169.254:80";

/** A node with its rule: from the start until clients see the region. */
export async function withRule(
  executables: ReadonlyMap<string, string>,
  { repeats }: Plan,
): Promise<Section> {
  // Conntrack, which the rule needs, would stay for the other sections.
  await using lab = await Lab.create();
  await lab.service(IMDS, "100us", "close");
  const samples = new Samples();
  // Each that the service itself answers leaves a socket behind, and at its
  // start the program looks through all of them.
  const patient = ["-every=5ms"];
  for (let round = 0; round < repeats; round++) {
    for (const [name, executable] of executables) {
      const started = Date.now();
      const program = lab.start([executable, "serve", "--iptables"]);
      const answered = await lab.answers(IMDS, ...patient);
      const sample = { [START]: answered * 1e3 - started };
      if (round > 0) samples.add(name, sample);
      else {
        await wait(SETTLE_MS);
        const pids = await processesOf(program.pid);
        const time = async () =>
          (await Promise.all(pids.map(timeOf))).reduce((a, b) => a + b, 0);
        const before = await time();
        await wait(WATCH_MS);
        const used = await time() - before;
        samples.add(name, {
          ...sample,
          [IDLE]: await memoryOf(pids, "Pss"),
          "idle CPU %": used / WATCH_MS * 1e5,
          [SIZE]: (await Deno.stat(executable)).size / 1e6,
        });
      }
      await program.kill("SIGTERM");
    }
  }
  return {
    title: "A node with the rule",
    about: `\`serve --iptables\`, parent and child and the programs they start:
${repeats} starts, each until a client at 169.254.169.254 sees the region, and
${WATCH_MS / 1e3} s with nothing to do.`,
    rounds: samples.rounds,
  };
}
