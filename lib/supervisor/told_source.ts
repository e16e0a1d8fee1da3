/**
 * Where the upstream is, as the parent says: the child may read neither leases
 * nor routes, and asks when an address does not answer.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";
import { within } from "../link/wait.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream_source.ts";
import type { UpstreamNews } from "./messages.ts";

/**
 * The longest wait for the parent, in milliseconds: its search takes a second
 * where the resolver is slow. What it said last holds then.
 */
const ANSWER_MS = 1_500;

/** A source that knows what it is told. */
export class ToldSource implements UpstreamSource {
  /** It may be elsewhere the next time. */
  readonly moves = true;
  readonly #ask: (address: UpstreamAddress) => void;
  #told: UpstreamNews | undefined;
  #answer: PromiseWithResolvers<void> | undefined = Promise.withResolvers();

  /**
   * Knows nothing yet.
   *
   * @param ask tells the parent that an address cannot be reached; the parent
   * answers by what is then handed to `tell`
   */
  constructor(ask: (address: UpstreamAddress) => void) {
    this.#ask = ask;
  }

  /** Takes what the parent says. */
  tell(news: UpstreamNews): void {
    this.#told = news;
    this.#answer?.resolve();
    this.#answer = undefined;
  }

  /**
   * What the parent said last; waits for it while a question is open.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @throws {Error} where no upstream is known; the message is one line
   */
  async current(timeoutMs: number): Promise<UpstreamAddress> {
    if (this.#answer !== undefined) {
      await within(this.#answer.promise, Math.min(timeoutMs, ANSWER_MS));
    }
    const told = this.#told ?? { reason: "It has not been found yet" };
    if ("reason" in told) throw new Error(told.reason);
    return told.address;
  }

  /** Asks the parent, with one question open at a time. */
  failed(address: UpstreamAddress): void {
    const told = this.#told;
    const isOld = told === undefined || "reason" in told ||
      told.address.hostname !== address.hostname;
    if (this.#answer !== undefined || isOld) return;
    this.#answer = Promise.withResolvers();
    this.#ask(address);
  }

  /** Ends every wait. */
  close(): void {
    this.#answer?.resolve();
  }
}
