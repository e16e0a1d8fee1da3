/**
 * The parent's eye on an upstream that moves: tells the child where it is, and
 * again whenever it has moved or the child asks.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";
import { wait } from "../link/wait.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream_source.ts";
import type { UpstreamNews } from "./messages.ts";

/** Between two looks, in milliseconds; a source may look less often. */
const LOOK_EVERY_MS = 1_000;

/** How long one look may take, in milliseconds. */
const LOOK_MS = 5_000;

/** What a watch works with. */
export interface UpstreamWatchParts {
  /** Knows where the upstream is. */
  readonly source: UpstreamSource;
  /** Tells the child; settles when the child's pipe has taken it. */
  readonly tell: (news: UpstreamNews) => Promise<void>;
  /** Between two looks, in milliseconds; a second unless given. */
  readonly everyMs?: number;
}

/** Watches for one child. */
export class UpstreamWatch {
  readonly #parts: UpstreamWatchParts;
  #question = new AbortController();

  /** Looks for nothing yet. */
  constructor(parts: UpstreamWatchParts) {
    this.#parts = parts;
  }

  /**
   * Takes note that the child cannot reach an address, and looks again now.
   *
   * @param address what the child says, which is not to be trusted
   */
  failed(address: UpstreamAddress): void {
    this.#parts.source.failed(address);
    this.#question.abort();
  }

  /**
   * Looks and tells. The next look comes only when the child's pipe has taken
   * the last news, so that a child that does not read fills no memory.
   *
   * @param ended settles when the child is gone
   */
  async run(ended: Promise<unknown>): Promise<void> {
    const { tell, everyMs = LOOK_EVERY_MS } = this.#parts;
    let alive = true;
    const end = () => {
      alive = false;
      this.#question.abort();
    };
    ended.then(end);
    let last = "";
    while (alive) {
      const { signal } = this.#question;
      const asked = signal.aborted;
      if (asked) this.#question = new AbortController();
      const news = await this.#look();
      const text = JSON.stringify(news);
      if (asked || text !== last) await tell(news);
      last = text;
      if (alive) await wait(everyMs, this.#question.signal);
    }
  }

  async #look(): Promise<UpstreamNews> {
    try {
      return { address: await this.#parts.source.current(LOOK_MS) };
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
