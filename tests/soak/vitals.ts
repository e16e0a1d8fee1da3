/**
 * How the program's two processes are: memory and descriptors.
 *
 * @module
 */
import { systemRunner } from "../../lib/system/runner.ts";
import { childOf, procfs } from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";

/** One look at a process. */
export interface Vitals {
  /** Its id. */
  readonly pid: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** Its memory, shared pages in full, in MB. */
  readonly rss: number;
  /** Its memory that it shares with nobody: heaps, no code, in MB. */
  readonly own: number;
  /** How many descriptors it has open. */
  readonly descriptors: number;
}

/** Looks at a process; `undefined` when it has ended. */
export async function look(pid: number): Promise<Vitals | undefined> {
  const [memory, descriptors] = await Promise.all([
    procfs(pid, "smaps_rollup"),
    systemRunner(["ls", `/proc/${pid}/fd`]),
  ]);
  const megabytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(memory)?.[1]) *
    1024 / 1e6;
  if (memory === "" || typeof descriptors === "string") return undefined;
  return {
    pid,
    at: Date.now(),
    rss: megabytes("Rss"),
    own: megabytes("Anonymous"),
    descriptors: descriptors.stdout.trim().split("\n").length,
  };
}

/** Between two looks, in milliseconds. */
const LOOK_MS = 1_000;

/** Looks again and again. */
export class Watch {
  /** What was seen of the parent. */
  readonly parent: Vitals[] = [];
  /** What was seen of the children, one after the other. */
  readonly children: Vitals[] = [];
  readonly #program: RunningProgram;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #done: Promise<void>;
  #over = false;

  /**
   * Begins at once.
   *
   * @param program what it looks at
   */
  constructor(program: RunningProgram) {
    this.#program = program;
    this.#done = this.#run();
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.#over = true;
    this.#stopped.resolve();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      const child = await childOf(this.#program);
      const [ours, childs] = await Promise.all([
        look(this.#program.pid),
        child === undefined ? undefined : look(child),
      ]);
      if (ours !== undefined) this.parent.push(ours);
      if (childs !== undefined) this.children.push(childs);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LOOK_MS);
      await Promise.race([promise, this.#stopped.promise]);
      clearTimeout(timer);
    }
  }
}
