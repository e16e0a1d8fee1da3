/**
 * One request up for all who ask the same at the same moment. It goes on while
 * anybody waits for it.
 *
 * @module
 */
import type { Answer } from "../answer.ts";
import { ClientGone } from "../upstream/upstream_error.ts";

/** A request that is on its way up, for everybody who waits for its answer. */
export class SharedRequest {
  /** When it was begun, in milliseconds. */
  readonly since: number;
  /** The session token it was sent with, if any. */
  readonly token: string | undefined;
  readonly #abort = new AbortController();
  readonly #answer: Promise<Answer>;
  #waiting = 0;
  #taken = false;

  /**
   * Sends it.
   *
   * @param ask sends it and gives the answer; the signal is aborted when the
   * last one who waited has left
   * @param given when it was begun, and with which token
   */
  constructor(
    ask: (signal: AbortSignal) => Promise<Answer>,
    { since, token }: Pick<SharedRequest, "since" | "token">,
  ) {
    this.since = since;
    this.token = token;
    this.#answer = ask(this.#abort.signal);
    this.#answer.then((answer) => {
      const isAbandoned = this.#waiting === 0 && "stream" in answer;
      if (isAbandoned) answer.stream.cancel();
    }, () => {
      // Told to those who wait for it.
    });
  }

  /** Whether everybody who waited for it has left. */
  get isAbandoned(): boolean {
    return this.#abort.signal.aborted;
  }

  /**
   * Waits for the answer.
   *
   * @param client aborted when this client leaves
   * @returns the answer; `undefined` for a streamed one that went to another
   * client, since it can be read only once
   * @throws {ClientGone} when this client leaves first
   */
  async wait(client: AbortSignal): Promise<Answer | undefined> {
    const gone = Promise.withResolvers<never>();
    const leave = () => {
      const reason = new ClientGone();
      gone.reject(reason);
      if (--this.#waiting === 0) this.#abort.abort(reason);
    };
    this.#waiting++;
    client.addEventListener("abort", leave);
    if (client.aborted) leave();
    try {
      const answer = await Promise.race([this.#answer, gone.promise]);
      if ("bytes" in answer) return answer;
      if (this.#taken) return undefined;
      this.#taken = true;
      return answer;
    } finally {
      client.removeEventListener("abort", leave);
    }
  }
}
