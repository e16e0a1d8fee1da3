/**
 * `c2s-imds completions`: what a shell reads to complete the command line.
 *
 * @module
 */
import {
  type Command,
  type CommandEntry,
  EXIT,
  loadShown,
} from "../cli/command.ts";
import { renderCompletions, SHELLS } from "../cli/completions.ts";
import { parseAction } from "../cli/options.ts";

const HELP = `Usage: c2s-imds completions bash|zsh|fish

Prints what makes the shell complete subcommands, flags and their values.

  bash  source <(c2s-imds completions bash)   in ~/.bashrc
  zsh   source <(c2s-imds completions zsh)    in ~/.zshrc, after compinit
  fish  c2s-imds completions fish | source    in ~/.config/fish/config.fish

Or write it once to where the shell looks for such files, under the name
c2s-imds, _c2s-imds for zsh, c2s-imds.fish for fish.
`;

/**
 * Makes the subcommand.
 *
 * @param entries the subcommands there are
 */
export function createCompletions(
  entries: () => readonly CommandEntry[],
): Command {
  return {
    name: "completions",
    summary: "Prints completions for bash, zsh and fish",
    help: HELP,
    options: [],
    actions: SHELLS,
    async run(args, io) {
      const { action } = parseAction(args, [], SHELLS, "shell");
      io.stdout(renderCompletions(action, await loadShown(entries())));
      return EXIT.OK;
    },
  };
}
