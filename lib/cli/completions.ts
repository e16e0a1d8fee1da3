/**
 * Completions of the command line for shells, made from the subcommands and
 * their options.
 *
 * @module
 */
import { type Command, DEFAULT_COMMAND } from "./command.ts";
import type { Option } from "./options.ts";

/** The shells there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

const HELP: Option = { name: "help", help: "Tells more" };

/** What may follow a subcommand, or one of its actions. */
interface Context {
  readonly command: Command;
  /** The action; none before it is written, and where there are none. */
  readonly action?: string;
  readonly options: readonly Option[];
}

/** Every context, those with an action before the one without. */
function contextsOf(commands: readonly Command[]): Context[] {
  return commands.flatMap((command) => {
    const all = [...command.options, HELP];
    const actions = command.actions ?? [];
    const contexts = actions.map((action) => ({
      command,
      action,
      options: all.filter(({ of }) => of?.includes(action) ?? true),
    }));
    return [...contexts, {
      command,
      options: actions.length === 0 ? all : [HELP],
    }];
  });
}

/** Whether a file's name may be the value of an option. */
function takesFile({ value = "", mayBeFile }: Option): boolean {
  return mayBeFile === true || /^(?:FILE|DIR)\b/.test(value);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function lines(all: readonly string[], indent: string): string {
  return all.map((line) => indent + line).join("\n");
}

/** Bash: a word before the cursor decides what is offered. */
function renderBash(commands: readonly Command[]): string {
  const pattern = ({ command, action }: Context) =>
    `${command.name}/${action ?? "*"}`;
  const values = contextsOf(commands).flatMap((context) =>
    context.options.filter(({ value }) => value !== undefined).map((option) => {
      const words = quoted(option.choices?.join(" ") ?? "");
      const files = takesFile(option) ? " files=default" : "";
      return `${pattern(context)}/--${option.name}) words=${words}${files} ;;`;
    })
  );
  const flags = contextsOf(commands).map((context) => {
    const { command: { actions = [] }, action, options } = context;
    const words = [
      ...action === undefined ? actions : [],
      ...options.map(({ name }) => `--${name}`),
    ];
    return `${pattern(context)}/*) words=${quoted(words.join(" "))} ;;`;
  });
  return `_c2s_imds() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local command=\${COMP_WORDS[1]} action=\${COMP_WORDS[2]-} words= files=
  # Bash makes a word of the "=" in --flag=value.
  if [[ $word == = ]]; then word=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  [[ $command == -* ]] && command=${DEFAULT_COMMAND}
  if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
    words=${quoted(commands.map(({ name }) => name).join(" "))}
  else
    case $command/$action/$before in
${lines([...values, ...flags], "      ")}
    esac
  fi
  [[ -z $files ]] || compopt -o "$files"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  # Bash itself offers files only where no word fits.
  if [[ $files && \${COMPREPLY[0]-} ]]; then
    compopt -o filenames
    mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _c2s_imds c2s-imds
`;
}

/** Zsh: as bash, with what each word means. */
function renderZsh(commands: readonly Command[]): string {
  const spec = (option: Option) => {
    const { name, help, value, repeatable, choices = [] } = option;
    const text = help.replaceAll(/[[\]\\]/g, "\\$&");
    const flag = `${repeatable ? "*" : ""}--${name}`;
    if (value === undefined) return quoted(`${flag}[${text}]`);
    const files = takesFile(option) ? "_files" : " ";
    const words = choices.join(" ");
    const offer = choices.length === 0
      ? files
      : takesFile(option)
      ? `{compadd ${words}; _files}`
      : `(${words})`;
    const what = value.replaceAll(":", "\\:");
    return quoted(`${flag}=[${text}]:${what}:${offer}`);
  };
  const cases = contextsOf(commands).map((context) => {
    const { command: { name, actions = [] }, action, options } = context;
    const first = actions.length === 0
      ? []
      : [quoted(`1:action:(${actions.join(" ")})`), "'*:operand:_files'"];
    const specs = [...first, ...options.map(spec)];
    return `(${name}/${action ?? "*"}) specs=(\n${
      lines(specs, "      ")
    }\n) ;;`;
  });
  return `#compdef c2s-imds
_c2s_imds() {
  local command=$words[2] action=$words[3]
  local -a commands specs
  commands=(
${lines(commands.map((it) => quoted(`${it.name}:${it.summary}`)), "    ")}
  )
  if [[ $command == -* ]]; then command=${DEFAULT_COMMAND}
  elif ((CURRENT == 2)); then _describe subcommand commands; return
  else shift words; ((CURRENT--))
  fi
  case $command/$action in
${lines(cases, "    ")}
  esac
  _arguments $specs
}
# In a folder of fpath it is called, read by a shell it is not.
if [[ $funcstack[1] == _c2s* ]]; then _c2s_imds "$@"
else compdef _c2s_imds c2s-imds
fi
`;
}

/** Fish: a line for everything that may be offered, and when. */
function renderFish(commands: readonly Command[]): string {
  const text = (it: string) => `'${it.replaceAll(/['\\]/g, "\\$&")}'`;
  const seen = (...words: readonly string[]) =>
    `__fish_seen_subcommand_from ${words.join(" ")}`;
  const all = commands.flatMap(({ name, summary, options, actions = [] }) => {
    const others = commands.map((it) => it.name).filter((it) => it !== name);
    const here = name === DEFAULT_COMMAND
      ? `not ${seen(...others)}`
      : seen(name);
    const flags = [...options, HELP].map((option) => {
      const { choices = [], value } = option;
      const when = option.of ? `${here}; and ${seen(...option.of)}` : here;
      const takes = value === undefined
        ? ""
        : takesFile(option)
        ? "-r -F"
        : "-x";
      const offer = choices.length > 0 ? `-a ${text(choices.join(" "))}` : "";
      return `-n ${text(when)} -l ${option.name} ${takes} ${offer} -d ${
        text(option.help)
      }`;
    });
    return [
      `-n __fish_use_subcommand -a ${name} -d ${text(summary)}`,
      ...actions.map((action) =>
        `-n ${text(`${here}; and not ${seen(...actions)}`)} -a ${action}`
      ),
      ...flags,
    ];
  });
  return `complete -c c2s-imds -f\n${lines(all, "complete -c c2s-imds ")}\n`;
}

const RENDER = { bash: renderBash, zsh: renderZsh, fish: renderFish } as const;

/**
 * Renders what a shell reads to complete the command line.
 *
 * @param shell the shell
 * @param commands the subcommands that are for people
 */
export function renderCompletions(
  shell: Shell,
  commands: readonly Command[],
): string {
  return RENDER[shell](commands);
}
