/**
 * Real clients, one after the other, again and again: they are slow to start.
 *
 * @module
 */
import { type Client, CLIENTS, runClient } from "../clients/clients.ts";
import { faultIn } from "../clients/comparison.ts";
import type { Namespace } from "../helpers/namespace.ts";
import type { Failure } from "./attribution.ts";
import type { Asked } from "./load.ts";

/** CloudStack's datasource asks its router, which no rule catches. */
export const REAL_CLIENTS = CLIENTS.filter(({ data }) => data === undefined);

/** Between two runs, in milliseconds: they cost a second of a processor each. */
const PAUSE_MS = 1_000;

/** Runs real clients until it is told to stop. */
export class RealClients {
  readonly #namespace: Namespace;
  readonly #well: Record<string, number> = {};
  readonly #failures: Failure[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  readonly #done: Promise<void>;
  #over = false;

  /**
   * Begins at once.
   *
   * @param namespace where they run
   * @param clients who, with their commands made ready
   */
  constructor(namespace: Namespace, clients: readonly Client[]) {
    this.#namespace = namespace;
    this.#done = this.#run(clients);
  }

  /** Waits for the last run and counts. */
  async count(): Promise<Asked> {
    this.#over = true;
    this.#stopped.resolve();
    await this.#done;
    return { well: this.#well, failures: this.#failures };
  }

  async #run(clients: readonly Client[]): Promise<void> {
    while (!this.#over) {
      for (const client of clients) {
        if (this.#over) return;
        await this.#ask(client);
        await this.#pause();
      }
    }
  }

  async #ask(client: Client): Promise<void> {
    const from = Date.now();
    let said: string | undefined;
    try {
      said = faultIn(client, await runClient(client, this.#namespace));
    } catch (error) {
      said = String(error);
    }
    const { name } = client;
    if (said === undefined) {
      this.#well[name] = (this.#well[name] ?? 0) + 1;
    } else {
      const at = Date.now();
      this.#failures.push({
        client: name,
        what: said === "real" ? said : "failed",
        from,
        to: at,
        at,
        path: said,
      });
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PAUSE_MS);
    await Promise.race([promise, this.#stopped.promise]);
    clearTimeout(timer);
  }
}

/** Makes the commands ready, which takes longer than some faults. */
export async function readyClients(): Promise<readonly Client[]> {
  return await Promise.all(REAL_CLIENTS.map(async (client) => {
    const command = await client.command();
    return { ...client, command: () => command };
  }));
}
