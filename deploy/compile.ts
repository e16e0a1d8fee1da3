/**
 * Makes `dist/c2s-imds`, one executable: bundles the program into one file,
 * dates it, and compiles that, so that two builds of one commit are equal.
 *
 * Usage: `deno task compile [--target TRIPLE] [--output FILE]`
 *
 * Environment: `SOURCE_DATE_EPOCH` dates the build (the commit's time unless
 * given), `DENORT_BIN` names the runtime where Deno cannot download it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

const ROOT = new URL("../", import.meta.url);

/**
 * What the executable may do, each with its reason. Deno fixes these at
 * compile time; the proxy, a child, gives up all but net and sys.
 */
const PERMISSIONS: readonly string[] = [
  // Any upstream and listener; one upstream only is the proxy's own promise.
  "--allow-net",
  // C2S_IMDS_… variables; those that bend connections are scrubbed.
  "--allow-env",
  // --config and --data files, the manifests' install folder.
  "--allow-read",
  // manifests --install-dir.
  "--allow-write",
  // The node's own addresses, the user it runs as, and node:http.
  "--allow-sys=networkInterfaces,uid,gid,osRelease,hostname",
  // Itself as the proxy's user; iptables in every backend; what reads users,
  // capabilities and connections; what changes addresses and their settings.
  `--allow-run=${
    [
      "/proc/self/exe",
      ...["iptables", "ip6tables"].flatMap((name) =>
        ["", "-nft", "-legacy"].flatMap((backend) =>
          ["", "-save", "-restore"].map((tool) => name + backend + tool)
        )
      ),
      "nft",
      "cat",
      "id",
      "ip",
      "ss",
      "tee",
      "test",
    ].join(",")
  }`,
];

/** `e_machine` of an executable, by the first part of its target; elf(5). */
const MACHINES: Readonly<Record<string, number>> = { x86_64: 62, aarch64: 183 };

/** Flags under which this script's own imports were found. */
function importFlags(): string[] {
  if (import.meta.resolve("@std/yaml").startsWith("jsr:")) return [];
  const offline = new URL("deploy/offline/", ROOT).pathname;
  return [`--import-map=${offline}imports.json`, `--lock=${offline}deno.lock`];
}

/** Runs a command and gives its output; fails with its errors. */
async function run(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args,
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`${args[0]} failed: ${text.decode(stderr).trim()}`);
  }
  return text.decode(stdout).trim();
}

/** What git says, or nothing outside a checkout. */
async function git(...args: string[]): Promise<string> {
  try {
    return await run("git", ...args);
  } catch {
    return "";
  }
}

async function commit(): Promise<string | undefined> {
  const id = await git("rev-parse", "--short=12", "HEAD");
  if (id === "") return undefined;
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  return changed === "" ? id : `${id}-dirty`;
}

async function epoch(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH") ??
    await git("log", "-1", "--format=%ct");
  return /^\d+$/.test(given) ? Number(given) : 0;
}

/** DENORT_BIN beats the target without a word: makes sure that they agree. */
function requireMachine(file: URL, target: string): void {
  const wanted = MACHINES[target.replace(/-.*/, "")];
  using executable = Deno.openSync(file);
  const head = new Uint8Array(20);
  executable.readSync(head);
  const found = new DataView(head.buffer).getUint16(18, true);
  if (wanted === undefined || found === wanted) return;
  Deno.removeSync(file);
  throw new Error(
    `Cannot compile for ${
      JSON.stringify(target)
    }: DENORT_BIN is for another machine`,
  );
}

const { target, output } = parseArgs(Deno.args, {
  string: ["target", "output"],
});
const folder = Deno.makeTempDirSync({ prefix: "c2s-imds-" });
try {
  const imports = importFlags();
  const build = {
    imports: imports.length === 0 ? "JSR" : "npm",
    commit: await commit(),
  };
  const entry = `${folder}/entry.ts`;
  const bundle = `${folder}/c2s-imds.js`;
  const lib = new URL("lib/commands/", ROOT).pathname;
  Deno.writeTextFileSync(
    entry,
    `import { runCommandLine } from ${JSON.stringify(`${lib}command_line.ts`)};
import { realIo } from ${JSON.stringify(`${lib}io.ts`)};
const io = realIo(${JSON.stringify(build)});
Deno.exit(await runCommandLine(Deno.args, io));
`,
  );
  await run(
    Deno.execPath(),
    "bundle",
    "--quiet",
    "--minify",
    "--keep-names",
    "--platform=deno",
    "--frozen",
    `--config=${new URL("deno.json", ROOT).pathname}`,
    ...imports,
    `--output=${bundle}`,
    entry,
  );
  const time = await epoch();
  Deno.utimeSync(bundle, time, time);
  const file = String(output ?? "dist/c2s-imds");
  await run(
    Deno.execPath(),
    "compile",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-check",
    "--no-prompt",
    "--no-code-cache",
    ...PERMISSIONS,
    ...(target === undefined ? [] : [`--target=${target}`]),
    `--output=${file}`,
    bundle,
  );
  if (target !== undefined) {
    requireMachine(new URL(file, ROOT), String(target));
  }
  const size = Deno.statSync(new URL(file, ROOT)).size;
  Deno.stdout.writeSync(
    new TextEncoder().encode(
      `${file}: ${(size / 1e6).toFixed(1)} MB, ${
        build.commit ?? "no commit"
      }, imports from ${build.imports}\n`,
    ),
  );
} finally {
  Deno.removeSync(folder, { recursive: true });
}
