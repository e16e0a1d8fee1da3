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
import { PROFILE_NAMES } from "../config/profiles.ts";

const HELP = `Usage: c2s-imds completions bash|zsh|fish

Prints what makes the shell complete subcommands, flags and their values.

  bash  source <(c2s-imds completions bash)   in ~/.bashrc
  zsh   source <(c2s-imds completions zsh)    in ~/.zshrc, after compinit
  fish  c2s-imds completions fish | source    in ~/.config/fish/config.fish

Or write it once to where the shell looks for such files, under the name
c2s-imds, _c2s-imds for zsh, c2s-imds.fish for fish.
`;

/** The options' table leaves the names out: most who read it need no YAML. */
function withProfiles(command: Command): Command {
  const options = command.options.map((option) =>
    option.name === "profile" ? { ...option, choices: PROFILE_NAMES } : option
  );
  return { ...command, options };
}

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
      const commands = await loadShown(entries());
      io.stdout(renderCompletions(action, commands.map(withProfiles)));
      return EXIT.OK;
    },
  };
}
