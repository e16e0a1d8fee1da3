/**
 * Runs the commands of the documents, each page in its order, and compares
 * what they print with what the page says. Blocks marked `sh test` run in an
 * empty folder, `sh node` on a node of the test's own.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";
import { guardHost } from "../helpers/host_guard.ts";
import { type Installed, installedProgram } from "../helpers/installed.ts";
import {
  type Block,
  blocksOf,
  commandsOf,
  documents,
} from "../helpers/markdown.ts";
import { createNode, NODE_NEEDS } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const DENO = Deno.readTextFileSync(new URL(".deno-version", REPOSITORY)).trim();

/** How the documents call the program. */
const PROGRAM = /^(?:npx --yes deno@[\d.]+ task )?c2s-imds /;

/** What goes on until it is stopped. */
const ENDLESS = /^(?:serve|simulate)\b|^demo\b.* --keep\b/;

/** A variable that the following commands of a page use. */
const VARIABLE = /^[A-Z]+=\S+$/;

/** A block of commands with what it is said to print, if anything. */
interface Example extends Block {
  readonly printed: string | undefined;
}

/** Runs commands to their end, which must be a good one, and returns stdout. */
type Run = (script: string) => Promise<string>;

function examplesOf(text: string, info: string): Example[] {
  const blocks = blocksOf(text);
  return blocks.map((block, i) => {
    const next = blocks[i + 1];
    const printed = next?.info === "text output" ? next.text : undefined;
    return { ...block, printed };
  }).filter((example) => example.info === info);
}

/**
 * Times and free ports differ from run to run, the program is called otherwise
 * from source, and bodies may end without a line feed.
 */
function comparable(text: string): string {
  return text.replaceAll(/\d+\.\d ms/g, "0.0 ms")
    .replaceAll(/(127\.0\.0\.1):\d{5}\b/g, "$1:PORT")
    .replaceAll(/npx --yes deno@[\d.]+ task c2s-imds/g, "c2s-imds").trimEnd();
}

/**
 * Makes a folder with what the commands need to find: `c2s-imds` as it would
 * be installed, and an `npx` that runs the same for the tasks that lead to it.
 */
async function makeBin(
  { command, env }: Pick<Installed, "command" | "env">,
): Promise<string> {
  const bin = await Deno.makeTempDir({ prefix: "c2s-imds-docs-" });
  await Deno.chmod(bin, 0o755);
  const words = [
    ...Object.entries(env).map((variable) => variable.join("=")),
    ...command,
  ].map((word) => `'${word}'`).join(" ");
  const npx = `test "$1 $2 $3" = '--yes deno@${DENO} task' || exit 64
shift 3
case $1 in
  c2s-imds) shift; exec c2s-imds "$@" ;;
  demo) exec c2s-imds "$@" ;;
  # This very run.
  test) ;;
  *) exit 65 ;;
esac`;
  for (
    const [name, script] of [
      ["c2s-imds", `exec env ${words} "$@"`],
      ["npx", npx],
    ] as const
  ) {
    const text = `#!/bin/sh\n${script}\n`;
    await Deno.writeTextFile(`${bin}/${name}`, text, { mode: 0o755 });
  }
  return bin;
}

/** A folder as `openshift-install create manifests` leaves it. */
async function makeInstallFolder(path: string): Promise<void> {
  for (const folder of ["manifests", "openshift"]) {
    await Deno.mkdir(`${path}/${folder}`, { recursive: true });
  }
  for (
    const [file, text] of [
      ["manifests/cluster-config.yaml", "kind: ConfigMap\n"],
      [
        "manifests/cloud-provider-config.yaml",
        "apiVersion: v1\ndata:\n  config: |\n    [Global]\nkind: ConfigMap\n",
      ],
      ["openshift/99_openshift-machineconfig_99-worker-ssh.yaml", "kind: x\n"],
    ] as const
  ) await Deno.writeTextFile(`${path}/${file}`, text);
}

/** Runs the commands of a block, in which variables may be set. */
async function runBlock(
  { printed, ...block }: Example,
  variables: string[],
  run: Run,
  start: (call: string) => Promise<void>,
): Promise<void> {
  let stdout = "";
  for (const command of commandsOf(block)) {
    const call = command.replace(PROGRAM, "");
    if (VARIABLE.test(command)) variables.push(command);
    else if (call !== command && ENDLESS.test(call)) await start(call);
    else stdout += await run([...variables, command].join("\n"));
  }
  if (printed !== undefined) {
    assertEquals(comparable(stdout), comparable(printed));
  }
}

for (const { path, text } of documents()) {
  const examples = examplesOf(text, "sh test");
  if (examples.length === 0) continue;
  Deno.test(`the commands of ${path} do what it says`, async (t) => {
    const bin = await makeBin(await installedProgram());
    const folder = await Deno.makeTempDir({ prefix: "c2s-imds-docs-" });
    const run: Run = async (script) => {
      const call = script.split("\n").at(-1)?.replace(PROGRAM, "") ?? "";
      guardHost(call.split(" "), {}, true);
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-euc", script],
        cwd: folder,
        env: { PATH: `${bin}:${Deno.env.get("PATH") ?? ""}`, NO_COLOR: "1" },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      assertEquals([code, decoder.decode(stderr)], [0, ""], script);
      return decoder.decode(stdout);
    };
    const start = (call: string) => {
      throw new Error(`Mark it "sh node", as it goes on: ${call}`);
    };
    try {
      await makeInstallFolder(`${folder}/cluster`);
      const variables: string[] = [];
      for (const example of examples) {
        await t.step(
          `line ${example.line}`,
          () => runBlock(example, variables, run, start),
        );
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
      await Deno.remove(bin, { recursive: true });
    }
  });
}

/** The page that begins with a rule and ends without one. */
const REMOVAL = "docs/removal.md";

for (const { path, text } of documents()) {
  const examples = examplesOf(text, "sh node");
  if (examples.length === 0) continue;
  testWith(NODE_NEEDS)(
    `the commands of ${path} do on a node what it says`,
    async (t) => {
      const program = await installedProgram();
      const bin = await makeBin(program);
      try {
        await using node = await createNode();
        const run: Run = (script) =>
          node.namespace.must([
            ...["env", "-i", `PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`],
            ...["sh", "-euc", script],
          ]);
        for (const example of examples) {
          await t.step(`line ${example.line}`, async () => {
            await using running = new AsyncDisposableStack();
            if (path === REMOVAL) await node.run("iptables install");
            const before = await node.leadsTo();
            await runBlock(example, [], run, async (call) => {
              running.use(await node.start(call));
            });
            if (path !== REMOVAL) return;
            assertEquals([before, await node.leadsTo()], ["4000", ""]);
          });
        }
      } finally {
        await Deno.remove(bin, { recursive: true });
      }
    },
  );
}
