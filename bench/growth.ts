/**
 * What this program costs as work grows: larger bodies, more connections. Every
 * row has a process of its own, so that its peak is its own.
 *
 * @module
 */
import { ourCommand } from "./contestants.ts";
import { type Document, filled, identity } from "./documents.ts";
import { freePort, startAnswering } from "./processes.ts";
import { processesOf, total, usageOf, worker } from "./usage.ts";
import { type Load, load } from "./wrk.ts";

/** How far work grows. */
export interface GrowthPlan {
  /** Sizes of bodies, in bytes. */
  readonly bodies: readonly number[];
  /** Numbers of connections. */
  readonly connections: readonly number[];
  /** For how long each is measured, in seconds. */
  readonly seconds: number;
}

/** What was measured at one size of work. */
export interface GrowthRow {
  /** How much work it was: bytes or connections. */
  readonly work: number;
  /** What wrk measured. */
  readonly load: Load;
  /** Seconds of processor time for 100,000 requests. */
  readonly cpu: number;
  /** The most memory the proxy process had, in MB RSS. */
  readonly peak: number;
}

/** One way in which work grows. */
export interface Growth {
  /** What grows. */
  readonly what: "bytes" | "connections";
  /** How the program was started. */
  readonly flags: readonly string[];
  /** The rows, from little work to much. */
  readonly rows: readonly GrowthRow[];
}

/** Connections where it is not their number that grows. */
const CONNECTIONS = 4;

/** A document of some size, below a path where bodies are rewritten. */
function sized(size: number): Document {
  return {
    target: `/latest/meta-data/sized/${size}`,
    body: filled(size),
  };
}

/**
 * The documents that the upstream must have.
 *
 * @param plan how far work grows
 */
export function growthDocuments(plan: GrowthPlan): readonly Document[] {
  return plan.bodies.map(sized);
}

/**
 * Measures everything.
 *
 * @param executable the path of this program
 * @param upstream the port of the upstream
 * @param plan how far work grows
 * @param tell told how far it is
 */
export async function measureGrowth(
  executable: string,
  upstream: number,
  plan: GrowthPlan,
  tell: (message: string) => void,
): Promise<readonly Growth[]> {
  const row = async (
    work: number,
    { target }: Document,
    connections: number,
    flags: readonly string[],
  ): Promise<GrowthRow> => {
    const port = freePort();
    const command = ourCommand(executable, { port, upstream }, ...flags);
    const started = await startAnswering(command, port, identity.target);
    await using program = started.program;
    const pids = await processesOf(program.pid);
    const before = await usageOf(pids);
    const measured = await load(
      `http://127.0.0.1:${port}${target}`,
      { connections, seconds: plan.seconds },
    );
    const after = await usageOf(pids);
    const seconds = total(after, "cpuSeconds") - total(before, "cpuSeconds");
    return {
      work,
      load: measured,
      cpu: seconds / measured.requests * 100_000,
      peak: worker(after).peak,
    };
  };
  const grow = async (
    what: Growth["what"],
    flags: readonly string[],
    sizes: readonly number[],
    measure: (size: number) => Promise<GrowthRow>,
  ): Promise<Growth> => {
    const rows: GrowthRow[] = [];
    for (const size of sizes) {
      tell(`growth: ${size} ${what} ${flags.join(" ")}`);
      rows.push(await measure(size));
    }
    return { what, flags, rows };
  };
  const cold = ["--cache=0"];
  const byConnections = (flags: readonly string[]) =>
    grow(
      "connections",
      flags,
      plan.connections,
      (count) => row(count, identity, count, flags),
    );
  return [
    await grow(
      "bytes",
      cold,
      plan.bodies,
      (size) => row(size, sized(size), CONNECTIONS, cold),
    ),
    await byConnections([]),
    await byConnections(cold),
  ];
}
