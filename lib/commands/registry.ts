/**
 * The subcommands there are. Each is loaded when it is called, so that the
 * proxy of a node never loads the simulator.
 *
 * @module
 */
import type { CommandEntry } from "../cli/command.ts";

/** A subcommand that is loaded when it is called. */
function entry(
  name: string,
  load: CommandEntry["load"],
  hidden = false,
): CommandEntry {
  return { name, load, hidden };
}

/** Every subcommand, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  entry("serve", async () => (await import("./serve.ts")).serve),
  entry(
    "serve-child",
    async () => (await import("./serve_child.ts")).serveChild,
    true,
  ),
  entry("simulate", async () => (await import("./simulate.ts")).simulate),
  entry("iptables", async () => (await import("./iptables.ts")).iptables),
  entry("check", async () => (await import("./check.ts")).check),
  entry("address", async () => (await import("./address.ts")).address),
  entry("profiles", async () => (await import("./profiles.ts")).profiles),
  entry("manifests", async () => (await import("./manifests.ts")).manifests),
  entry(
    "completions",
    async () =>
      (await import("./completions.ts")).createCompletions(() => COMMANDS),
  ),
  entry("demo", async () => (await import("./demo.ts")).demo),
];
