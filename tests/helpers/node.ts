/**
 * A node in a namespace: a simulated metadata service at its real address, and
 * the program that every user can start.
 *
 * @module
 */
import { createNamespace, type Namespace } from "./namespace.ts";
import { plainRunner } from "./plain_runner.ts";
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

/** A node; disposing of it ends what runs there. */
export class TestNode implements AsyncDisposable {
  /** {@linkcode createNode} makes them. */
  constructor(
    /** Its namespace. */
    readonly namespace: Namespace,
    readonly backend: NodeBackend,
    /** The simulated metadata service. */
    readonly service: RunningProgram,
  ) {}

  /** Starts the program there, behind other commands if given. */
  start(
    line: string,
    options: ProgramOptions = {},
    ...before: string[]
  ): Promise<RunningProgram> {
    return startProgram(line.split(" "), this.#inside(options, before));
  }

  /** Runs the program there to its end, behind other commands if given. */
  run(
    line: string,
    options: ProgramOptions = {},
    ...before: string[]
  ): Promise<ProgramResult> {
    return runProgram(line.split(" "), this.#inside(options, before));
  }

  #inside(options: ProgramOptions, before: readonly string[]): ProgramOptions {
    return { namespace: this.namespace.name, cwd: "/", before, ...options };
  }

  /** What {@linkcode askAs} gets: the region a user sees. */
  see(uid: number, url = `http://169.254.169.254${REGION}`): Promise<string> {
    return askAs(this.namespace, uid, url);
  }

  /** Every rule in every backend, without counters and comments. */
  rules(): Promise<string> {
    return rules(this.namespace);
  }

  /** Where the rule leads to, `4000`; empty where there is none. */
  async leadsTo(): Promise<string> {
    if (this.backend === "nftables") {
      const table = ["nft", "list", "table", "ip", "c2s-imds"];
      const { stdout } = await this.namespace.run(table);
      return /redirect to :(\d+)/.exec(stdout)?.[1] ?? "";
    }
    const save = [`iptables-${this.backend}-save`, "-t", "nat"];
    const saved = await this.namespace.must(save);
    return /^-A C2S-IMDS .*--to-ports (\d+)$/m.exec(saved)?.[1] ?? "";
  }

  /** Stops the service, and all else with the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.stop();
    await this.namespace[Symbol.asyncDispose]();
  }
}

/**
 * Makes a node.
 *
 * @param backend the one it is made to prefer, and reads the rule in
 */
export async function createNode(
  backend: NodeBackend = "nft",
): Promise<TestNode> {
  const namespace = await createNamespace([
    "169.254.169.254/32",
    "fd00:ec2::254/128",
  ]);
  try {
    await prime(namespace, backend === "nftables" ? "nft" : backend);
    const service = await startProgram(
      ["simulate", "--listen=169.254.169.254:80", "--listen-anywhere"],
      { namespace: namespace.name, cwd: "/" },
    );
    return new TestNode(namespace, backend, service);
  } catch (error) {
    await namespace[Symbol.asyncDispose]();
    throw error;
  }
}

/** Every table there is, and in use, as on a node that lives. */
const USED = ["nat", "filter"].map((table) =>
  `*${table}\n-A OUTPUT -j RETURN\n-D OUTPUT -j RETURN\nCOMMIT\n`
).join("");

/**
 * A node's own firewall keeps conntrack busy: without it, connections would be
 * cut when the rule goes. The chain is the hint by which kubelet tells others
 * which backend the node uses.
 */
const PREFERRED = `*filter
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
*mangle
:KUBE-IPTABLES-HINT - [0:0]
COMMIT
`;

/** Makes it a node like others. */
export async function prime(
  namespace: Namespace,
  preferred: typeof BACKENDS[number],
): Promise<void> {
  for (const backend of BACKENDS) {
    const feed = backend === preferred ? USED + PREFERRED : USED;
    await namespace.must([`iptables-${backend}-restore`, "--noflush"], feed);
    await namespace.must([`ip6tables-${backend}-restore`, "--noflush"], USED);
  }
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

/** Rules of others around the place of ours, with odd quoting. */
const FOREIGN = `*nat
:OTHERS - [0:0]
-A OUTPUT -d 10.1.1.1/32 -p tcp -m comment --comment "it's \\"c2s-imds\\" -j C2S-IMDS" -j OTHERS
-A OUTPUT -d 10.1.1.2/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 82
-A OTHERS -m owner --uid-owner 10169 -j RETURN
COMMIT
`;

/** Native rules of others, before ours. */
const FOREIGN_NATIVE = `table ip others { chain output {
  type nat hook output priority -100;
  ip daddr 10.1.1.1 tcp dport 81 redirect to :82
  }
}
`;

/** Installs rules of others in a backend. */
export async function installForeign(
  namespace: Namespace,
  backend: NodeBackend,
): Promise<void> {
  if (backend === "nftables") {
    await namespace.must(["nft", "-f", "-"], FOREIGN_NATIVE);
    return;
  }
  await namespace.must([`iptables-${backend}-restore`, "--noflush"], FOREIGN);
  await namespace.must([
    ...[`ip6tables-${backend}`, "-t", "nat", "-A", "OUTPUT"],
    ...["-d", "fd00::1", "-p", "tcp", "-j", "RETURN"],
  ]);
}

/** What makes a command run as a user. */
export function asUser(uid: number): readonly string[] {
  return uid === 0
    ? []
    : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
}

/**
 * Asks as some user.
 *
 * @param seconds how long it waits, after which it is `late`
 * @returns the answer; `refused`, `late` or curl's code where there is none
 */
export async function askAs(
  namespace: Namespace,
  uid: number,
  url: string,
  seconds = 30,
): Promise<string> {
  const { code, stdout } = await namespace.run([
    ...asUser(uid),
    ...["curl", "--silent", "--max-time", `${seconds}`, "--globoff", url],
  ]);
  // curl's codes: 7 could not connect, 28 timed out.
  if (code === 0) return stdout;
  return code === 7 ? "refused" : code === 28 ? "late" : `curl ${code}`;
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
const PATIENCE_MS = 60_000;

/**
 * Waits until something holds.
 *
 * @param what names it, for the message
 * @param patienceMs how long it may take, a minute unless given
 * @throws {Error} after that, whatever `performance.now` is made to say
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + patienceMs;
  // Most questions start a program: those that take long are asked less often.
  for (let pause = 10; !await holds(); pause = Math.min(pause * 1.5, 100)) {
    if (Date.now() > end) throw new Error(`Not in ${patienceMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
