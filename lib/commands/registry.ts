/**
 * The subcommands there are. Each is loaded when it is called, so that the
 * proxy of a node never loads the simulator.
 *
 * @module
 */
import type { CommandEntry } from "../cli/command.ts";

/** Every subcommand, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "serve-child",
    hidden: true,
    load: async () => (await import("./serve_child.ts")).serveChild,
  },
  {
    name: "simulate",
    load: async () => (await import("./simulate.ts")).simulate,
  },
  {
    name: "iptables",
    load: async () => (await import("./iptables.ts")).iptables,
  },
  {
    name: "check",
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "address",
    load: async () => (await import("./address.ts")).address,
  },
  {
    name: "profiles",
    load: async () => (await import("./profiles.ts")).profiles,
  },
  {
    name: "manifests",
    load: async () => (await import("./manifests.ts")).manifests,
  },
  {
    name: "demo",
    load: async () => (await import("./demo.ts")).demo,
  },
];
