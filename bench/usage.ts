/**
 * What a program uses: the time and memory of its process and of all below it,
 * as the kernel counts them.
 *
 * Everything is read through `cat`: Deno itself may not read these files
 * without every permission.
 *
 * @module
 */
import { output } from "./processes.ts";

/** Ticks of a second in `/proc/PID/stat`; the same on every Linux. */
const TICKS = 100;

/** What one process uses. */
export interface ProcessUsage {
  /** Its id. */
  readonly pid: number;
  /** Processor time so far, in seconds. */
  readonly cpuSeconds: number;
  /** Memory at the moment, shared pages counted in full, in MB. */
  readonly rss: number;
  /** The most of that so far, in MB. */
  readonly peak: number;
  /** Memory at the moment, shared pages counted by their share, in MB. */
  readonly pss: number;
}

/**
 * The processes of a program, itself first.
 *
 * @param pid the id of the one that was started
 */
export async function processesOf(pid: number): Promise<readonly number[]> {
  const lines = (await output("ps", "-eo", "pid=,ppid=")).trim().split("\n");
  const parents = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const id of found) {
    for (const [child = 0, parent] of parents) {
      if (parent === id) found.push(child);
    }
  }
  return found;
}

/**
 * What processes use.
 *
 * @param pids their ids
 * @throws {Error} when one of them has ended
 */
export async function usageOf(
  pids: readonly number[],
): Promise<readonly ProcessUsage[]> {
  return await Promise.all(pids.map(async (pid) => {
    const text = await output(
      "cat",
      ...["stat", "status", "smaps_rollup"].map((it) => `/proc/${pid}/${it}`),
    );
    // The second field of stat is a name that may hold anything.
    const fields = text.slice(text.indexOf(") ") + 2).split(" ");
    const field = (name: string) => {
      const value = text.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))?.[1];
      if (value === undefined) throw new Error(`Process ${pid} has ended`);
      return Number(value) * 1024 / 1e6;
    };
    return {
      pid,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      rss: field("VmRSS"),
      peak: field("VmHWM"),
      pss: field("Pss"),
    };
  }));
}

/** The process that does the work: the one with the most processor time. */
export function worker(usage: readonly ProcessUsage[]): ProcessUsage {
  const [first] = [...usage].sort((a, b) => b.cpuSeconds - a.cpuSeconds);
  if (first === undefined) throw new Error("A program without processes");
  return first;
}

/** The sum of one quantity over processes. */
export function total(
  usage: readonly ProcessUsage[],
  of: "cpuSeconds" | "rss" | "peak" | "pss",
): number {
  return usage.reduce((sum, it) => sum + it[of], 0);
}
