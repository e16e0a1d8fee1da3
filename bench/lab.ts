/**
 * Where everything is measured: a network namespace, with the service, the
 * contestants and their clients as programs inside. Deno starts them and sends
 * nothing itself.
 *
 * @module
 */
import { createNamespace, type Spawned } from "../tests/helpers/namespace.ts";
import { succeed } from "../tests/helpers/plain_runner.ts";
import { proxyFile } from "./contestants.ts";

/** What clients measured at one address: times in seconds. */
export interface Result {
  readonly failed: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** What the service was asked meanwhile. */
  readonly up: number;
  /** Processor time of each process that was named. */
  readonly cpu: readonly number[];
  /** Processor time of the clients. */
  readonly own: number;
  /** When the last answer came, since 1970. */
  readonly at: number;
}

/** The processors that what is measured and what surrounds it run on. */
export interface Pinned {
  /** As `taskset --cpu-list` takes them. */
  readonly cpus?: string;
}

/** The processor of the service and the clients, where each has its own. */
export const AROUND: Pinned = { cpus: "0" };

/** The one of whoever is measured. */
export const MEASURED: Pinned = {
  cpus: `${navigator.hardwareConcurrency - 1}`,
};

function on({ cpus }: Pinned): readonly string[] {
  return cpus === undefined ? [] : ["taskset", "--cpu-list", cpus];
}

/**
 * The processes of a program, itself first.
 *
 * @param pid the id of the one that was started
 */
export async function processesOf(pid: number): Promise<readonly number[]> {
  const lines = (await succeed(["ps", "-eo", "pid=,ppid="])).trim().split("\n");
  const parents = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const id of found) {
    for (const [child = 0, parent] of parents) {
      if (parent === id) found.push(child);
    }
  }
  return found;
}

/** Files of the kernel; Deno itself may read them with every permission only. */
async function procFiles(...names: readonly string[]): Promise<string> {
  const files = names.map((it) => `/proc/${it}`);
  // One that has ended counts nothing.
  return await succeed(["sh", "-c", 'cat "$@" 2>&-; true', "sh", ...files]);
}

/**
 * The memory of some processes together, in MB.
 *
 * @param pids their ids
 * @param quantity `Pss`, where several share pages; `VmHWM`, the most so far
 */
export async function memoryOf(
  pids: readonly number[],
  quantity: "Pss" | "VmHWM",
): Promise<number> {
  const file = quantity === "Pss" ? "smaps_rollup" : "status";
  const text = await procFiles(...pids.map((pid) => `${pid}/${file}`));
  const found = text.matchAll(
    new RegExp(`^${quantity}:\\s+(\\d+) kB$`, "gm"),
  );
  return [...found].reduce((sum, [, kb]) => sum + Number(kb) * 1024 / 1e6, 0);
}

/** Processor time of a process and of all that it waited for, in seconds. */
export async function timeOf(pid: number): Promise<number> {
  const text = await procFiles(`${pid}/stat`);
  // The second field is a name that may hold anything.
  const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  return ticks.reduce((sum, it) => sum + it, 0) / 100;
}

/** The place; disposing of it ends what runs there. */
export class Lab implements AsyncDisposable {
  /** {@linkcode Lab.create} makes them. */
  private constructor(
    /** A folder for files. */
    readonly folder: string,
    readonly namespace: Awaited<ReturnType<typeof createNamespace>>,
  ) {}

  /**
   * Makes one: 169.254.169.254 is an address of its own loopback.
   *
   * @param proxies those in Go that contestants need, built into its folder
   */
  static async create(...proxies: readonly string[]): Promise<Lab> {
    const folder = await Deno.makeTempDir({ prefix: "c2s-imds-bench-" });
    await Deno.chmod(folder, 0o755);
    for (const source of ["../harness", ...proxies]) {
      const name = source.replace(/^.*\/|\.go$/g, "");
      const go = ["go", "-C", proxyFile(""), "build"];
      const build = [...go, `-o=${folder}/${name}`, source];
      const plain = ["CGO_ENABLED=0", "GO111MODULE=off", "GOFLAGS="];
      await succeed(["env", ...plain, ...build]);
    }
    const namespace = await createNamespace(["169.254.169.254/32"]);
    return new Lab(folder, namespace);
  }

  /** Starts a program that says nothing. */
  start(argv: readonly string[], pinned: Pinned = {}): Spawned {
    const silent = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh"];
    return this.namespace.spawn([...on(pinned), ...silent, ...argv]);
  }

  /** Starts the service, and waits until it answers. */
  async service(
    address: string,
    delay: string,
    kind: "close" | "keep",
    pinned?: Pinned,
  ): Promise<Spawned> {
    const harness = `${this.folder}/harness`;
    const started = this.start(
      [harness, "serve", address, delay, kind],
      pinned,
    );
    await this.answers(address, `-service=${address}`);
    return started;
  }

  /** Waits for the first right answer; when it came, since 1970. */
  async answers(address: string, ...flags: string[]): Promise<number> {
    const [{ at, p50 } = { at: 0, p50: 0 }] = await this.load(
      ["-first", ...flags],
      [address],
    );
    if (p50 === 0) throw new Error(`No right answer from ${address}`);
    return at;
  }

  /**
   * Lets clients ask.
   *
   * @param flags how, as `harness load` takes it
   * @param addresses where
   * @returns a result for each address
   */
  async load(
    flags: readonly string[],
    addresses: readonly string[],
    pinned: Pinned = {},
  ): Promise<readonly Result[]> {
    const harness = `${this.folder}/harness`;
    const argv = [...on(pinned), harness, "load", ...flags, ...addresses];
    return JSON.parse(await this.namespace.must(argv));
  }

  /** Ends all that runs. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#ended ??= this.#end();
  }

  #ended: Promise<void> | undefined;

  async #end(): Promise<void> {
    await this.namespace[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}
