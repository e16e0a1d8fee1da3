/**
 * A runner whose commands can all be stopped: nothing may change the node any
 * more once this program has ended.
 *
 * @module
 */
import type { Runner } from "./runner.ts";

/** A runner and its end. */
export interface StoppableRunner {
  /** Runs commands until the end. */
  readonly run: Runner;
  /** Stops what runs, starts nothing more, and waits until all has ended. */
  stop(): Promise<void>;
}

/**
 * Makes one.
 *
 * @param run what runs the commands
 */
export function stoppableRunner(run: Runner): StoppableRunner {
  const over = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    async run(argv, options) {
      const result = run(argv, { ...options, signal: over.signal });
      running.add(result);
      try {
        return await result;
      } finally {
        running.delete(result);
      }
    },
    async stop() {
      over.abort();
      await Promise.allSettled(running);
    },
  };
}
