/**
 * Many clients at one time, in a process of their own, so that their
 * descriptors and their work are not the test's.
 *
 * @module
 */
import type { ListenAddress } from "../../lib/config/serve_config.ts";
import { REPOSITORY } from "../helpers/files.ts";
import { bytesOf, get } from "../helpers/raw.ts";
import type { Need } from "../helpers/requires.ts";

/** What tests with a crowd need. */
export const CROWD_NEEDS: readonly Need[] = [
  { python: "resource", from: "python3" },
];

/** How many got what next: a status, `closed`, or `nothing`. */
export type Tally = Readonly<Record<string, number>>;

/** The clients. */
export class Crowd implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #results: ReadableStreamDefaultReader<string>;
  #unread = "";

  /**
   * Starts without a client.
   *
   * @param address whom they ask
   * @param before what starts them, such as another user's rights
   */
  constructor(
    address: ListenAddress,
    before: readonly string[] = [],
  ) {
    // The checkout may be closed to that user.
    const script = Deno.readTextFileSync(
      new URL("tests/reliability/crowd.py", REPOSITORY),
    );
    const [command = "", ...args] = [
      ...[...before, "/usr/bin/python3", "-c", script],
      ...[address.hostname, String(address.port)],
      bytesOf(get("/latest/")).toHex(),
    ];
    this.#child = new Deno.Command(command, {
      args,
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#results = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** Adds clients that connect; one in a hundred asks and gets an answer. */
  async connect(count: number): Promise<number> {
    return await this.#order(`connect ${count}`);
  }

  /** Has each send the text; says how many could. */
  async send(text: string): Promise<number> {
    return await this.#order(`send ${bytesOf(text).toHex()}`);
  }

  /**
   * What each gets next.
   *
   * @param ms how long it waits at most, in milliseconds
   * @param enough it waits no longer for others once so many got something
   */
  async answers(ms: number, enough = Infinity): Promise<Tally> {
    return await this.#order(`answers ${ms} ${enough}`);
  }

  /** Has all of them leave, or close their sending side and stay. */
  async close(how: "in order" | "with a reset" | "half"): Promise<void> {
    await this.#order(`close ${how.split(" ").at(-1)}`);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close();
    await this.#results.cancel();
    await this.#child.status;
  }

  async #order<T>(line: string): Promise<T> {
    await this.#orders.write(new TextEncoder().encode(`${line}\n`));
    while (!this.#unread.includes("\n")) {
      const { done, value } = await this.#results.read();
      if (done) throw new Error(`The crowd ended at "${line.slice(0, 40)}"`);
      this.#unread += value;
    }
    const [result = "", ...rest] = this.#unread.split("\n");
    this.#unread = rest.join("\n");
    return JSON.parse(result);
  }
}
