/**
 * What is measured side by side: this program, and what a user could put in its
 * place.
 *
 * @module
 */
import { nginxSubFilter } from "./nginx.ts";
import { type CommandLine, isInstalled, output } from "./processes.ts";

/** Where a contestant listens and what it has before it. */
export interface Place {
  /** A folder of its own. */
  readonly folder: string;
  /** The port of 127.0.0.1 where it listens. */
  readonly port: number;
  /** The port of 127.0.0.1 where the upstream listens. */
  readonly upstream: number;
}

/** One of those that are measured. */
export interface Contestant {
  /** What the report calls it. */
  readonly name: string;
  /** What must be installed, with the package of Debian that has it. */
  readonly needs: Readonly<Record<string, string>>;
  /** Makes ready what is needed to start it. */
  prepare?(folder: string): Promise<void>;
  /** How it is started. */
  command(place: Place): CommandLine;
}

/** This program with an answer reused for a second, as it is by default. */
export const OURS = "c2s-imds";

/** This program when every request goes up. */
export const OURS_COLD = "c2s-imds --cache 0";

/** What its figures are compared with. */
export const SUB_FILTER = "nginx sub_filter";

/** What a web developer would write. */
export const NODE = "Node http-proxy-middleware";

/** What the runtime takes for itself: no proxy can be faster on it. */
export const FLOOR = "Deno.serve from memory";

const PROXIES = new URL("proxies/", import.meta.url).pathname;

/**
 * How this program is started: as in production, so that as root it has a
 * parent that watches it.
 *
 * @param executable its path
 * @param place where it is to stand
 * @param flags further flags
 */
export function ourCommand(
  executable: string,
  { port, upstream }: Pick<Place, "port" | "upstream">,
  ...flags: readonly string[]
): CommandLine {
  return {
    name: executable,
    args: [
      "serve",
      `--listen=127.0.0.1:${port}`,
      `--upstream=http://127.0.0.1:${upstream}`,
      "--user=10169",
      ...flags,
    ],
  };
}

function onDenoServe(
  mode: "fetch" | "memory",
  { port, upstream }: Pick<Place, "port" | "upstream">,
): CommandLine {
  return {
    name: Deno.execPath(),
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--allow-net=127.0.0.1",
      `${PROXIES}deno_serve.ts`,
      mode,
      `${port}`,
      `http://127.0.0.1:${upstream}`,
    ],
  };
}

/** Runs a step of a preparation; fails with what it said. */
async function must(
  name: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, {
    args: [...args],
    cwd,
    env,
    stdin: "null",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim().split("\n").pop();
  throw new Error(`${name} ${args[0]} failed: ${said}`);
}

/**
 * All who compete.
 *
 * @param executable the path of this program
 */
export function contestants(executable: string): readonly Contestant[] {
  return [
    {
      name: OURS,
      needs: {},
      command: (place) => ourCommand(executable, place),
    },
    {
      name: OURS_COLD,
      needs: {},
      command: (place) => ourCommand(executable, place, "--cache=0"),
    },
    {
      name: SUB_FILTER,
      needs: { nginx: "nginx-light" },
      command: ({ folder, port, upstream }) =>
        nginxSubFilter(folder, port, upstream),
    },
    {
      name: NODE,
      needs: { node: "nodejs", npm: "npm" },
      prepare: async (folder) => {
        for (const file of ["package.json", "package-lock.json", "proxy.mjs"]) {
          await Deno.copyFile(`${PROXIES}node/${file}`, `${folder}/${file}`);
        }
        await must("npm", ["ci", "--ignore-scripts", "--no-audit"], folder);
      },
      command: ({ folder, port, upstream }) => ({
        name: "node",
        args: [
          `${folder}/proxy.mjs`,
          `${port}`,
          `http://127.0.0.1:${upstream}`,
        ],
        env: { NODE_ENV: "production" },
      }),
    },
    {
      name: "Go ReverseProxy",
      needs: { go: "golang-go" },
      prepare: (folder) =>
        must(
          "go",
          ["build", `-o=${folder}/proxy`, `${PROXIES}reverse_proxy.go`],
          folder,
          { CGO_ENABLED: "0", GO111MODULE: "off", GOFLAGS: "" },
        ),
      command: ({ folder, port, upstream }) => ({
        name: `${folder}/proxy`,
        args: [`127.0.0.1:${port}`, `http://127.0.0.1:${upstream}`],
      }),
    },
    {
      name: "Deno fetch",
      needs: {},
      command: (place) => onDenoServe("fetch", place),
    },
    {
      name: FLOOR,
      needs: {},
      command: (place) => onDenoServe("memory", place),
    },
  ];
}

/**
 * Makes a contestant ready.
 *
 * @param contestant the contestant
 * @param folder its folder, not there yet
 * @returns why it cannot take part; nothing when it can
 */
export async function prepare(
  contestant: Contestant,
  folder: string,
): Promise<string | undefined> {
  const missing = Object.entries(contestant.needs)
    .filter(([program]) => !isInstalled(program))
    .map(([program, debian]) => `${program} (Debian's ${debian})`);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    await contestant.prepare?.(folder);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The versions of all that takes part, one a line. */
export async function versions(executable: string): Promise<readonly string[]> {
  const questions: readonly (readonly [string, ...string[]])[] = [
    [executable, "--version"],
    ["nginx", "-v"],
    ["node", "--version"],
    ["go", "version"],
    ["wrk", "-v"],
  ];
  const found: string[] = [];
  for (const [program, ...args] of questions) {
    if (!isInstalled(program)) continue;
    const [line = ""] = (await output(program, ...args)).split("\n");
    const short = line.replace(/ \[epoll\].*/, "").trim();
    found.push(program === "node" ? `Node ${short}` : short);
  }
  return found;
}
