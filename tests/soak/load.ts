/**
 * Clients without a break, as `load.py` has them: on new and on kept
 * connections, with tokens and without, and curl.
 *
 * @module
 */
import type { Namespace } from "../helpers/namespace.ts";
import { asUser, EMULATED, REAL } from "../helpers/node.ts";
import type { Failure } from "./attribution.ts";

/** What became of all requests. */
export interface Asked {
  /** How many went well, by client. */
  readonly well: Readonly<Record<string, number>>;
  /** What did not. */
  readonly failures: readonly Failure[];
}

/** Clients that know what to expect. */
export interface Load {
  /** Lets them begin. */
  begin(): void;
  /** Ends them and counts. */
  count(): Promise<Asked>;
}

/**
 * Starts clients as uid 1000, while nothing is redirected yet: they learn what
 * the service says.
 *
 * @param seed what they ask is drawn from it
 */
export async function startLoad(
  namespace: Namespace,
  seed: number,
): Promise<Load> {
  const spawned = namespace.spawn([
    ...asUser(1000),
    ...["/usr/bin/python3", scriptPath("load.py"), REAL, EMULATED],
    String(seed),
  ]);
  await spawned.shows(/^learned$/m);
  return {
    begin: () => Deno.kill(spawned.pid, "SIGUSR1"),
    async count() {
      await spawned.kill("SIGTERM");
      const lines = spawned.stdout().trim().split("\n").slice(1);
      const tally = lines.pop();
      if (tally === undefined) throw new Error("The clients counted nothing");
      return {
        well: JSON.parse(tally).tally,
        failures: lines.map((line): Failure => JSON.parse(line)),
      };
    },
  };
}

/** The path of a script of this folder. */
export function scriptPath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
