/**
 * The subcommands there are. Each is loaded when it is called, so that the
 * proxy of a node never loads the simulator.
 *
 * @module
 */
import type { Command } from "./command.ts";

/** A subcommand that is not loaded yet. */
export interface CommandEntry {
  /** The word that calls it. */
  readonly name: string;
  /** Loads it. */
  load(): Promise<Command>;
}

/** Every subcommand, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "simulate",
    load: async () => (await import("./simulate.ts")).simulate,
  },
  {
    name: "iptables",
    load: async () => (await import("./iptables.ts")).iptables,
  },
];
