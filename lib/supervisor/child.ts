/**
 * The unprivileged child: becomes what its parent says, and says what it is.
 *
 * @module
 */
import { startServing } from "../admin/serving.ts";
import type { RuleView } from "../admin/readiness.ts";
import { errorLine } from "../cli/message.ts";
import { ListenError } from "../config/address.ts";
import type { ServeConfig } from "../config/serve_config.ts";
import { createLog, type Log, type LogOptions } from "../system/log.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { deadline, delay, every } from "../system/timers.ts";
import { ParentUpstream, Question } from "./questions.ts";
import {
  type ChildState,
  type DesiredChild,
  encodeLine,
  readLines,
} from "./state.ts";

/** The most characters of a desired state; a configuration has about 500. */
const LONGEST_DESIRED = 1024 * 1024;

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
  /** What this program is, by label. */
  readonly build: Readonly<Record<string, string>>;
  /** Which user this process runs as; `null` where there are none. */
  readonly uid: number | null;
  /** Drops the permissions that forwarding does not need. */
  dropPermissions(): void;
}

/**
 * Lives as the child.
 *
 * @returns whether it ended as it should
 */
export function liveAsChild(io: ChildIo): Promise<boolean> {
  return new Life(io).live();
}

/** One child's life. */
class Life {
  readonly #io: ChildIo;
  readonly #settings: LogOptions;
  readonly #say = () => this.#tellState();
  readonly #rule = new Question<NonNullable<DesiredChild["rule"]>>(this.#say);
  readonly #owners = new Question<NonNullable<DesiredChild["owners"]>>(
    this.#say,
  );
  readonly #upstream = new ParentUpstream(this.#say);
  /** Settles when it has drained, or cannot go on. */
  readonly #over = Promise.withResolvers<boolean>();
  #desired: DesiredChild | undefined;
  #configText = "";
  #proxy: Proxy | undefined;
  #unread = 0;
  #requestsTold = 0;
  #isDraining = false;

  constructor(io: ChildIo) {
    this.#io = io;
    this.#settings = { level: "info", format: "text", write: io.log };
  }

  async live(): Promise<boolean> {
    const reader = this.#io.input.getReader();
    const cancelProgress = every(PROGRESS_MS, () => {
      // A child that works is not hung, however long it takes to read a line.
      if ((this.#proxy?.requests ?? 0) > this.#requestsTold) this.#say();
    });
    try {
      return await Promise.race([this.#obey(reader), this.#over.promise]);
    } catch (error) {
      this.#tellState({ failed: errorLine(error), ...this.#takenBy(error) });
      return false;
    } finally {
      cancelProgress();
      reader.cancel().catch(() => {});
    }
  }

  /** Becomes what each line says, until the parent is gone. */
  async #obey(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<boolean> {
    for await (const line of readLines(reader, LONGEST_DESIRED)) {
      this.#unread = 0;
      await this.#become(JSON.parse(line));
      this.#say();
    }
    this.#isDraining = true;
    // What is still in flight then ends with the process.
    await deadline(this.#proxy?.shutdown(), ORPHAN_MS);
    return true;
  }

  async #become(desired: DesiredChild): Promise<void> {
    this.#desired = desired;
    this.#rule.take(desired.rule);
    this.#owners.take(desired.owners);
    this.#upstream.take(desired.upstream);
    const configText = JSON.stringify(desired.config);
    if (configText !== this.#configText) {
      this.#configText = configText;
      // JSON has no maps.
      const regions = new Map(desired.config.regions);
      const config = { ...desired.config, regions };
      this.#settings.level = config.logLevel;
      this.#settings.format = config.logFormat;
      if (this.#proxy === undefined) this.#proxy = await this.#start(config);
      else this.#proxy.configure(config);
    }
    if (desired.drain === undefined || this.#isDraining) return;
    this.#isDraining = true;
    this.#drain(desired.drain.lingerMs).then(
      () => this.#over.resolve(true),
      this.#over.reject,
    );
  }

  async #start(config: ServeConfig): Promise<Proxy> {
    const io = this.#io;
    if (io.uid === 0) throw new Error("The child still runs as root");
    const log = createLog(this.#settings);
    io.guard(log);
    const proxy = await startServing(config, {
      log,
      source: config.discover && this.#upstream,
      rule: this.#ruleView(),
      owners: async () => {
        const uids = (await this.#owners.find())?.uids;
        return uids && new Map(uids);
      },
      build: io.build,
    });
    io.dropPermissions();
    proxy.finished.then(() => {
      if (this.#isDraining) return;
      this.#over.reject(new Error("The proxy stopped listening"));
    });
    return proxy;
  }

  /** The rule as the parent says, where there is one to keep. */
  #ruleView(): RuleView | undefined {
    const tally = () => this.#desired?.tally ?? { repairs: 0, failures: 0 };
    return this.#desired?.tally && {
      get tally() {
        return tally();
      },
      fault: async () => {
        const answer = await this.#rule.find();
        return answer === undefined
          ? "not known, the parent does not answer"
          : answer.fault;
      },
    };
  }

  async #drain(lingerMs: number): Promise<void> {
    const proxy = this.#proxy;
    if (proxy === undefined) return;
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

  #takenBy(error: unknown): Pick<ChildState, "taken"> {
    const { listen = [] } = this.#desired?.config ?? {};
    const taken = error instanceof ListenError && error.isTaken
      ? listen.indexOf(error.address)
      : -1;
    return taken < 0 ? {} : { taken };
  }

  #tellState(more: Partial<ChildState> = {}): void {
    const proxy = this.#proxy;
    this.#requestsTold = proxy?.requests ?? 0;
    const line = encodeLine({
      requests: this.#requestsTold,
      asked: {
        rule: this.#rule.count,
        owners: this.#owners.count,
        upstream: this.#upstream.question.count,
      },
      ...proxy && { ports: proxy.addresses.map(({ port }) => port) },
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
