/**
 * A node in a namespace: a simulated metadata service at its real address, and
 * the program that every user can start.
 *
 * @module
 */
import { plainRunner } from "./plain_runner.ts";
import type { Installed } from "./installed.ts";
import { createNamespace, type Namespace } from "./namespace.ts";
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "./program.ts";
import { NAMESPACES, type Need } from "./requires.ts";

/** The backends that `serve` picks of itself. */
export const BACKENDS = ["nft", "legacy"] as const;

/** Every backend, as `--backend` takes it. */
export const ALL_BACKENDS = [...BACKENDS, "nftables"] as const;

/** One of {@linkcode ALL_BACKENDS}. */
export type NodeBackend = typeof ALL_BACKENDS[number];

/** What a test on a node needs. */
export const NODE_NEEDS: readonly Need[] = [
  ...NAMESPACES,
  { command: "iptables-nft", from: "iptables" },
  { command: "iptables-legacy", from: "iptables" },
  { command: "nft", from: "nftables" },
  { command: "curl", from: "curl" },
  { command: "setpriv", from: "util-linux" },
];

/** The proxy's user. */
export const PROXY_UID = 10_169;

/** What clients see through the rule, and without it. */
export const [EMULATED, REAL] = ["us-iso-east-1", "us-east-1"];

/** The path that answers with the region. */
export const REGION = "/latest/meta-data/placement/region";

/** A node. */
export interface TestNode extends AsyncDisposable {
  /** Its namespace. */
  readonly namespace: Namespace;
  /** The simulated metadata service. */
  readonly service: RunningProgram;
  /** Starts the program there, behind other commands if given. */
  start(
    line: string,
    options?: ProgramOptions,
    ...before: string[]
  ): Promise<RunningProgram>;
  /** Runs the program there to its end. */
  run(
    line: string,
    options?: ProgramOptions,
    ...before: string[]
  ): Promise<ProgramResult>;
  /** The region a user sees; `refused` or another word where there is none. */
  see(uid: number, url?: string): Promise<string>;
  /** Every rule in every backend, without counters and comments. */
  rules(): Promise<string>;
  /** Where the rule leads to, `4000`; empty where there is none. */
  leadsTo(): Promise<string>;
}

/**
 * Makes a node.
 *
 * @param installed the program
 * @param backend the one it is made to prefer, and reads the rule in
 */
export async function createNode(
  installed: Installed,
  backend: NodeBackend = "nft",
): Promise<TestNode> {
  const namespace = await createNamespace([
    "169.254.169.254/32",
    "fd00:ec2::254/128",
  ]);
  const how = (
    options: ProgramOptions = {},
    before: readonly string[] = [],
  ): ProgramOptions => {
    const [name, ...args] = [...before, ...installed.command];
    return {
      namespace: namespace.name,
      cwd: "/",
      ...options,
      command: options.command ?? [name ?? "", ...args],
      env: { ...installed.env, ...options.env },
    };
  };
  const start: TestNode["start"] = (line, options, ...before) =>
    startProgram(line.split(" "), how(options, before));
  try {
    await prime(namespace, backend);
    const service = await start(
      "simulate --listen 169.254.169.254:80 --listen-anywhere",
    );
    return {
      namespace,
      service,
      start,
      run: (line, options, ...before) =>
        runProgram(line.split(" "), how(options, before)),
      see: (uid, url = `http://169.254.169.254${REGION}`) =>
        see(namespace, uid, url),
      rules: () => rules(namespace),
      leadsTo: () => leadsTo(namespace, backend),
      async [Symbol.asyncDispose]() {
        await service.stop();
        await namespace[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await namespace[Symbol.asyncDispose]();
    throw error;
  }
}

async function leadsTo(
  namespace: Namespace,
  backend: NodeBackend,
): Promise<string> {
  if (backend === "nftables") {
    const table = ["nft", "list", "table", "ip", "c2s-imds"];
    const { stdout } = await namespace.run(table);
    return /redirect to :(\d+)/.exec(stdout)?.[1] ?? "";
  }
  const saved = await namespace.must([`iptables-${backend}-save`, "-t", "nat"]);
  return /^-A C2S-IMDS .*--to-ports (\d+)$/m.exec(saved)?.[1] ?? "";
}

/** Makes it a node like others: every table there is, and in use. */
export async function prime(namespace: Namespace, preferred: NodeBackend) {
  const backend = preferred === "nftables" ? "nft" : preferred;
  const rule = ["OUTPUT", "-j", "RETURN"];
  for (const each of BACKENDS) {
    for (const command of [`iptables-${each}`, `ip6tables-${each}`]) {
      for (const table of ["nat", "filter"]) {
        await namespace.must([command, "-t", table, "-A", ...rule]);
        await namespace.must([command, "-t", table, "-D", ...rule]);
      }
    }
  }
  // A node's own firewall keeps conntrack busy: without it, connections would
  // be cut when the rule goes.
  await namespace.must([
    ...[`iptables-${backend}`, "-A", "INPUT", "-m", "conntrack"],
    ...["--ctstate", "ESTABLISHED", "-j", "ACCEPT"],
  ]);
  // The hint by which kubelet tells others which backend the node uses.
  await namespace.must([
    ...[`iptables-${backend}`, "-t", "mangle", "-N", "KUBE-IPTABLES-HINT"],
  ]);
}

async function see(
  namespace: Namespace,
  uid: number,
  url: string,
): Promise<string> {
  const { code, stdout } = await namespace.run([
    ...asUser(uid),
    ...["curl", "--silent", "--max-time", "5", "--globoff", url],
  ]);
  // curl's codes: 7 could not connect, 28 timed out.
  if (code === 0) return stdout;
  return code === 7 ? "refused" : code === 28 ? "late" : `curl ${code}`;
}

/** Every rule in every backend, without counters and comments. */
export async function rules(namespace: Namespace): Promise<string> {
  const listed = await Promise.all([
    namespace.must(["iptables-nft-save"]),
    namespace.must(["ip6tables-nft-save"]),
    namespace.must(["iptables-legacy-save"]),
    namespace.must(["ip6tables-legacy-save"]),
    namespace.must(["nft", "-s", "list", "ruleset"]),
  ]);
  return listed.join("\n").replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\[\d+:\d+\]/g, "[]")
    .replaceAll(/counter packets \d+ bytes \d+/g, "counter");
}

/** What makes a command run as a user. */
export function asUser(uid: number): readonly string[] {
  return uid === 0
    ? []
    : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
}

/**
 * The child of a `serve` process.
 *
 * @returns its process id; `undefined` while there is none
 */
export async function childOf(
  { pid }: Pick<RunningProgram, "pid">,
): Promise<number | undefined> {
  // Through `cat`, because Deno opens /proc only with every permission.
  const listed = await plainRunner(
    ["cat", `/proc/${pid}/task/${pid}/children`],
  );
  if (typeof listed === "string") return undefined;
  for (const child of listed.stdout.trim().split(" ")) {
    if ((await procfs(Number(child), "cmdline")).endsWith("serve-child\0")) {
      return Number(child);
    }
  }
  return undefined;
}

/** Reads a file of a process; empty when it is gone. */
export async function procfs(pid: number, file: string): Promise<string> {
  const read = await plainRunner(["cat", `/proc/${pid}/${file}`]);
  return typeof read === "string" ? "" : read.stdout;
}

/** Whether a process is there and not a zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  return /^State:\s+[^ZX]/m.test(await procfs(pid, "status"));
}

/** Waits until a dead proxy was replaced, and clients are redirected again. */
export async function revived(
  program: RunningProgram,
  node: Pick<TestNode, "see">,
): Promise<void> {
  await program.logged(/info the proxy listens again pid=\d+/);
  await until(
    "a client is redirected again",
    async () => await node.see(0) === EMULATED,
  );
}

/** How long a busy machine may take, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Waits until something holds.
 *
 * @param what names it, for the message
 * @throws {Error} after 30 s, whatever `performance.now` is made to say
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!await holds()) {
    if (Date.now() > end) throw new Error(`Not in ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
