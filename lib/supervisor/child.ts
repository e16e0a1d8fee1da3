/**
 * The unprivileged child: becomes what its parent says, and says what it is.
 *
 * @module
 */
import { startServing } from "../admin/serving.ts";
import type { ListenAddress, ServeConfig } from "../config/serve_config.ts";
import {
  createLog,
  type Log,
  type LogOptions,
  type LogSettings,
} from "../observe/log.ts";
import { ListenError } from "../proxy/listener.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { firstWithin } from "../system/stop_order.ts";
import { delay, every } from "../system/timers.ts";
import { ParentOwners, ParentRule, ParentUpstream } from "./parent_view.ts";
import {
  type ChildState,
  type DesiredChild,
  encodeLine,
  fromPlain,
  LONGEST_DESIRED,
  readLines,
} from "./state.ts";

/** How long requests may go on once the parent is gone, in milliseconds. */
const ORPHAN_MS = 1_000;

/**
 * The longest wait until nobody asks any more, in milliseconds; clients that
 * do not close their connections must not keep it from ending.
 */
const LONGEST_LINGER_MS = 2_500;

/** Between two lines that only tell of progress, in milliseconds. */
const PROGRESS_MS = 1_000;

/**
 * The most bytes that a parent which stands still need not have read: a pipe
 * holds 64 KiB, and a write to a full one would stop the proxy.
 */
const MOST_UNREAD = 32 * 1024;

/** What the child is handed. */
export interface ChildIo {
  /** The pipe from the parent. */
  readonly input: ReadableStream<Uint8Array>;
  /** Sends one line to the parent. */
  send(bytes: Uint8Array): void;
  /** Takes log lines. */
  log(line: string): void;
  /** Told of the log, before the proxy starts. */
  guard(log: Log): void;
  /** Says in one line why it cannot go on. */
  explain(error: unknown): string;
  /** What this program is, by label. */
  readonly build: Readonly<Record<string, string>>;
  /** Which user this process runs as; `null` where there are none. */
  readonly uid: number | null;
  /** Drops the permissions that forwarding does not need. */
  dropPermissions(): void;
}

/** Signals to every process of the service; they are the parent's to obey. */
const IGNORED = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGUSR1",
  "SIGUSR2",
] as const;

/**
 * Lives as the child.
 *
 * @returns whether it ended as it should
 */
export async function liveAsChild(io: ChildIo): Promise<boolean> {
  const ignore = () => {};
  for (const signal of IGNORED) Deno.addSignalListener(signal, ignore);
  const life = new Life(io);
  try {
    return await life.ended;
  } finally {
    life.close();
    for (const signal of IGNORED) Deno.removeSignalListener(signal, ignore);
  }
}

/** One child's life. */
class Life {
  /** Settles at the end: whether it ended as it should. */
  readonly ended: Promise<boolean>;
  readonly #io: ChildIo;
  readonly #end: (isFine: boolean) => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #cancelProgress: () => void;
  readonly #upstream = new ParentUpstream(() => this.#say());
  readonly #owners = new ParentOwners(() => this.#say());
  #rule: ParentRule | undefined;
  #settings: LogSettings | undefined;
  #proxy: Proxy | undefined;
  #configText = "";
  #listen: readonly ListenAddress[] = [];
  #read = 0;
  #unread = 0;
  #told = 0;
  #isDraining = false;

  constructor(io: ChildIo) {
    this.#io = io;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ended = promise;
    this.#end = resolve;
    this.#reader = io.input.getReader();
    this.#cancelProgress = every(PROGRESS_MS, () => this.#tellProgress());
    this.#obey().catch((error) =>
      this.#fail({ failed: io.explain(error), ...this.#takenBy(error) })
    );
  }

  close(): void {
    this.#cancelProgress();
    this.#reader.cancel().catch(() => {});
  }

  async #obey(): Promise<void> {
    for await (const line of readLines(this.#reader, LONGEST_DESIRED)) {
      const desired: DesiredChild = JSON.parse(line);
      this.#read = desired.line;
      this.#unread = 0;
      await this.#become(desired);
      this.#say();
    }
    // The parent is gone; what is still in flight then ends with the process.
    this.#isDraining = true;
    if (this.#proxy !== undefined) {
      await firstWithin(ORPHAN_MS, this.#proxy.shutdown());
    }
    this.#end(true);
  }

  async #become(desired: DesiredChild): Promise<void> {
    this.#rule?.tell(desired);
    this.#upstream.tell(desired);
    this.#owners.tell(desired);
    const configText = JSON.stringify(desired.config);
    if (configText !== this.#configText) {
      this.#configText = configText;
      const config = fromPlain(desired.config);
      if (this.#proxy === undefined) await this.#start(config, desired);
      Object.assign(this.#settings ?? {}, settingsOf(config));
      this.#proxy?.configure(config);
    }
    if (desired.drain === undefined || this.#isDraining) return;
    this.#isDraining = true;
    this.#drain(desired.drain.lingerMs);
  }

  async #start(
    config: ServeConfig,
    { tally }: Pick<DesiredChild, "tally">,
  ): Promise<void> {
    const io = this.#io;
    if (io.uid === 0) throw new Error("The child still runs as root");
    this.#listen = config.listen;
    const options: LogOptions = { ...settingsOf(config), write: io.log };
    this.#settings = options;
    const log = createLog(options);
    io.guard(log);
    if (tally !== undefined) {
      this.#rule = new ParentRule(tally, () => this.#say());
    }
    const proxy = await startServing(config, {
      log,
      source: config.discover === undefined ? undefined : this.#upstream,
      rule: this.#rule,
      owners: () => this.#owners.find(),
      build: io.build,
    });
    io.dropPermissions();
    this.#proxy = proxy;
    proxy.finished.then(() => {
      if (!this.#isDraining) {
        this.#fail({ failed: "The proxy stopped listening" });
      }
    });
  }

  async #drain(lingerMs: number): Promise<void> {
    const proxy = this.#proxy;
    if (proxy !== undefined) {
      proxy.closing();
      const end = performance.now() + LONGEST_LINGER_MS;
      let before: number;
      do {
        before = proxy.requests;
        await delay(lingerMs);
      } while (
        lingerMs > 0 && proxy.requests > before && performance.now() < end
      );
      await proxy.shutdown();
    }
    this.#end(true);
  }

  #fail(why: Pick<ChildState, "failed" | "taken">): void {
    this.#say(why);
    this.#end(false);
  }

  #takenBy(error: unknown): Pick<ChildState, "taken"> {
    const isTaken = error instanceof ListenError &&
      error.cause instanceof Deno.errors.AddrInUse;
    const taken = isTaken ? this.#listen.indexOf(error.address) : -1;
    return taken < 0 ? {} : { taken };
  }

  /** A child that works is not hung, however long it takes to read a line. */
  #tellProgress(): void {
    if (this.#proxy !== undefined && this.#proxy.requests > this.#told) {
      this.#say();
    }
  }

  #say(more: Pick<ChildState, "failed" | "taken"> = {}): void {
    const proxy = this.#proxy;
    this.#told = proxy?.requests ?? 0;
    const { unreachable } = this.#upstream;
    const line = encodeLine({
      read: this.#read,
      requests: this.#told,
      looks: this.#rule?.looks ?? 0,
      ...this.#owners.crowds > 0 && { crowds: this.#owners.crowds },
      ...proxy && { ports: proxy.addresses.map(({ port }) => port) },
      ...unreachable && { unreachable },
      ...more,
    });
    if (this.#unread + line.length > MOST_UNREAD) return;
    this.#unread += line.length;
    try {
      this.#io.send(line);
    } catch {
      // The parent is gone, which the end of its pipe tells.
    }
  }
}

function settingsOf({ logLevel, logFormat }: ServeConfig): LogSettings {
  return { level: logLevel, format: logFormat };
}
