/**
 * What is measured.
 *
 * @module
 */
import { type Contestant, NGINX } from "./contestants.ts";
import { AROUND, type Lab, MEASURED, processesOf } from "./lab.ts";
import type { Sample, Section } from "./report.ts";

/** How much is measured. */
export interface Plan {
  /** How often everything is measured. */
  readonly rounds: number;
  /** How many requests each contestant gets in a round. */
  readonly burst: number;
  /** How many before that. */
  readonly warmUp: number;
}

/** The service itself, without a proxy. */
export const DIRECT = "direct";

/** Processor time for a request. */
export const CPU = "CPU µs";

/** Requests a second. */
export const SPEED = "requests/s";

/** Who takes part. */
export type Field = ReadonlyMap<string, Contestant>;

const SERVICE = 81;
const FIRST = 4001;

function at(port: number): string {
  return `127.0.0.1:${port}`;
}

/** How the service answers. */
export interface Manner {
  readonly delay: string;
  readonly kind: "close" | "keep";
  readonly connections: number;
}

/**
 * Processor time and throughput: bursts of as many requests, all contestants in
 * turn. Contestants have one processor, the service and the clients another.
 */
export async function bursts(
  lab: Lab,
  field: Field,
  { rounds, burst, warmUp }: Plan,
  { delay, kind, connections }: Manner,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const service = await lab.service(at(SERVICE), delay, kind, AROUND);
  stack.defer(() => service.kill());
  const runners = [{ name: DIRECT, port: SERVICE, pids: [service.pid] }];
  for (const [i, [name, contestant]] of [...field].entries()) {
    const port = FIRST + i;
    const argv = contestant({ folder: lab.folder, port, service: SERVICE });
    const program = lab.start(argv, MEASURED);
    stack.defer(() => program.kill("SIGTERM"));
    await lab.answers(at(port));
    // V8 compiles the last of it after some thousands.
    await lab.load([`-n=${warmUp}`, "-c=16"], [at(port)], AROUND);
    const pids = await processesOf(program.pid);
    runners.push({ name, port, pids: [service.pid, ...pids] });
  }
  const samples = new Map(runners.map(({ name }) => [name, [] as Sample[]]));
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first has the caches of the one before the last burst.
    const turn = round % runners.length;
    const order = [...runners.slice(turn), ...runners.slice(0, turn)];
    for (const { name, port, pids } of order) {
      const [it] = await lab.load(
        [
          ...[`-n=${burst}`, `-c=${connections}`, `-pids=${pids}`],
          `-service=${at(SERVICE)}`,
        ],
        [at(port)],
        AROUND,
      );
      if (it === undefined) continue;
      const [serviceCpu = NaN, ...own] = it.cpu;
      const cpu = own.reduce((sum, seconds) => sum + seconds, 0);
      samples.get(name)?.push({
        [CPU]: cpu > 0 ? cpu / burst * 1e6 : NaN,
        [SPEED]: Math.round(burst / it.seconds),
        "busy %": Math.round(cpu / it.seconds * 100),
        "p50 ms": it.p50 * 1e3,
        "p99 ms": it.p99 * 1e3,
        "service µs": serviceCpu / Math.max(it.up, 1) * 1e6,
        "clients µs": it.own / burst * 1e6,
        failed: it.failed,
      });
    }
  }
  return {
    title: kind === "keep"
      ? `A service that keeps connections, ${delay}`
      : `A service that closes each connection, ${delay}`,
    about:
      `${rounds} rounds of ${burst} requests with ${connections} connections.`,
    rounds: samples,
    compared: [CPU, SPEED],
    base: NGINX,
  };
}
