import { assertEquals } from "@std/assert";
import { EXIT } from "../../lib/cli/command.ts";
import { type Shell, SHELLS } from "../../lib/cli/completions.ts";
import { Output } from "../helpers/output.ts";
import { runProgram } from "../helpers/program.ts";
import { type Need, testWith } from "../helpers/requires.ts";

const NEEDS: Readonly<Record<Shell, Need>> = {
  bash: { command: "bash", from: "bash" },
  zsh: { command: "zsh", from: "zsh" },
  fish: { command: "fish", from: "fish" },
};

/** How each is started: it reads its completions from a file called `c`. */
const START: Readonly<Record<Shell, readonly [command: string, file: string]>> =
  {
    bash: ["bash --noprofile --rcfile rc -i", "rc"],
    zsh: ["env ZDOTDIR=. zsh -i", ".zshrc"],
    fish: ["fish --private --no-config --init-command 'source rc'", "rc"],
  };

/** Calls of the program only say which arguments they got. */
const PREPARE: Readonly<Record<Shell, string>> = {
  bash: `c2s-imds() { echo "RAN<$*>"; }; PS1='READY> '`,
  zsh: `autoload -U compinit; compinit -D
c2s-imds() { echo "RAN<$*>" }; PS1='READY> '`,
  fish: `function c2s-imds; echo "RAN<$argv>"; end
function fish_prompt; echo 'READY> '; end; function fish_greeting; end`,
};

/** What is typed before TAB, and what the program gets. */
const TYPED = [
  ["prof", "profiles"],
  ["serve-ch", "serve-ch"],
  ["iptables st", "iptables status"],
  ["iptables status --js", "iptables status --json"],
  ["iptables status --dr", "iptables status --dr"],
  ["iptables remove --dr", "iptables remove --dry-run"],
  ["--emul", "--emulatedRegion"],
  ["serve --iptables --on-s", "serve --iptables --on-stop"],
  ["serve --on-stop r", "serve --on-stop remove"],
  ["serve --on-stop=r", "serve --on-stop=remove"],
  ["serve --profile min", "serve --profile mine.yaml"],
  ["serve --profile sc2", "serve --profile sc2s"],
  // The first letters of a name and of a file alike.
  ["serve --profile sc", "serve --profile sc"],
  ["serve --timeout min", "serve --timeout min"],
] as const;

for (const shell of SHELLS) {
  testWith([NEEDS[shell], { command: "script", from: "bsdutils" }])(
    `c2s-imds completions ${shell} makes TAB complete subcommands, flags and values`,
    async () => {
      const { code, stdout, stderr } = await runProgram(["completions", shell]);
      assertEquals([code, stderr], [EXIT.OK, ""]);
      const folder = await Deno.makeTempDir({ prefix: "c2s-imds-shell-" });
      const [command, file] = START[shell];
      await Deno.writeTextFile(`${folder}/c`, stdout);
      await Deno.writeTextFile(`${folder}/mine.yaml`, "");
      await Deno.writeTextFile(`${folder}/sc.yaml`, "");
      const prepare = `${PREPARE[shell]}\nsource ./c\n`;
      await Deno.writeTextFile(`${folder}/${file}`, prepare);
      const terminal = new Deno.Command("script", {
        args: ["--quiet", "--flush", "--command", command, "/dev/null"],
        cwd: folder,
        env: { HOME: folder, TERM: "xterm", XDG_DATA_HOME: folder },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const shown = new Output(terminal.stdout);
      const keys = terminal.stdin.getWriter();
      const type = (text: string) => keys.write(new TextEncoder().encode(text));
      try {
        const got: string[] = [];
        for (const [typed] of TYPED) {
          await shown.shows(/READY> /);
          shown.text = "";
          await type(`c2s-imds ${typed}\t\r`);
          const [, ran = ""] = await shown.shows(/RAN<(.*)>/);
          // Some shells add the "=" of a flag that takes a value.
          got.push(ran.trim().replace(/=$/, ""));
        }
        assertEquals(got, TYPED.map(([, expected]) => expected));
        await shown.shows(/READY> /);
        await type("exit\r");
      } finally {
        await keys.close();
        await shown.done;
        await terminal.status;
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}
