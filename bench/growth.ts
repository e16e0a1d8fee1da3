/**
 * What this program costs as connections grow in number. Every row has a
 * process of its own, so that its peak is its own.
 *
 * @module
 */
import { ourCommand } from "./contestants.ts";
import { identity } from "./documents.ts";
import { freePort, startAnswering } from "./processes.ts";
import { processesOf, total, usageOf, worker } from "./usage.ts";
import { type Load, load } from "./wrk.ts";

/** How far they grow. */
export interface GrowthPlan {
  /** Numbers of connections. */
  readonly connections: readonly number[];
  /** For how long each is measured, in seconds. */
  readonly seconds: number;
}

/** What was measured with so many connections. */
export interface GrowthRow {
  /** How many. */
  readonly connections: number;
  /** What wrk measured. */
  readonly load: Load;
  /** Seconds of processor time for 100,000 requests. */
  readonly cpu: number;
  /** The most memory the proxy process had, in MB RSS. */
  readonly peak: number;
}

/** What was measured with some flags. */
export interface Growth {
  /** How the program was started. */
  readonly flags: readonly string[];
  /** The rows, from few connections to many. */
  readonly rows: readonly GrowthRow[];
}

/**
 * Measures everything.
 *
 * @param executable the path of this program
 * @param upstream the port of the upstream
 * @param plan how far they grow
 * @param tell told how far it is
 */
export async function measureGrowth(
  executable: string,
  upstream: number,
  plan: GrowthPlan,
  tell: (message: string) => void,
): Promise<readonly Growth[]> {
  const row = async (
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
      `http://127.0.0.1:${port}${identity.target}`,
      { connections, seconds: plan.seconds },
    );
    const after = await usageOf(pids);
    const seconds = total(after, "cpuSeconds") - total(before, "cpuSeconds");
    return {
      connections,
      load: measured,
      cpu: seconds / measured.requests * 100_000,
      peak: worker(after).peak,
    };
  };
  const growth: Growth[] = [];
  for (const flags of [[], ["--cache=0"]]) {
    const rows: GrowthRow[] = [];
    for (const connections of plan.connections) {
      tell(`growth: ${connections} connections ${flags.join(" ")}`);
      rows.push(await row(connections, flags));
    }
    growth.push({ flags, rows });
  }
  return growth;
}
