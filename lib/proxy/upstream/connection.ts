/**
 * One connection to the service, for one request.
 *
 * On sockets of Deno rather than on `node:http`, which takes more than twice
 * the processor time for it.
 *
 * @module
 */
import type { UpstreamAddress } from "../../config/serve_config.ts";
import { after } from "../../system/timers.ts";
import type { TimeLimit } from "./time_limit.ts";

/** Room for one read: most answers come in one. */
const BUFFER_BYTES = 4 * 1024;

/** Room for one read once an answer has filled the first. */
const LARGE_BUFFER_BYTES = 64 * 1024;

/**
 * How long the service may take to close a connection whose answer was read,
 * in milliseconds. Whoever closes first keeps the port in TIME_WAIT for a
 * minute; the service has one port for it, this node one for each request.
 */
const LINGER_MS = 50;

/**
 * How long a connection that nobody waits for any more may take to come about
 * before it is aborted, in milliseconds: between two of the kernel's tries.
 */
const ABANDON_MS = 1_500;

const NOTHING = new Uint8Array(0);

/** For what comes after an answer, of all connections. */
const SURPLUS = new Uint8Array(1);

/** Bytes go out, bytes come in; never two reads at a time. */
export class Connection {
  /** This end of it. */
  readonly local: Deno.NetAddr;
  /** The other end. */
  readonly remote: Deno.NetAddr;
  /** Called when the answer was read, or will not be. */
  onDone: () => void = () => {};
  readonly #socket: Deno.TcpConn;
  readonly #open: Set<Connection>;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #unread = NOTHING;
  #reason: Error | undefined;

  private constructor(socket: Deno.TcpConn, open: Set<Connection>) {
    this.#socket = socket;
    this.local = socket.localAddr;
    this.remote = socket.remoteAddr;
    this.#open = open.add(this);
  }

  /**
   * Connects.
   *
   * @param address where to
   * @param limit closes it when it is over, at any time
   * @param open where it stands while it is open
   * @throws {Error} when there is no connection
   */
  static open(
    { hostname, port }: UpstreamAddress,
    limit: TimeLimit,
    open: Set<Connection>,
  ): Promise<Connection> {
    limit.throwIfOver();
    const abandoned = new AbortController();
    const { signal } = abandoned;
    return new Promise((resolve, reject) => {
      let cancelTimer: (() => void) | undefined;
      limit.onOver = (reason) => {
        // Deno 2.9.6 never closes what connects just as it is aborted.
        cancelTimer ??= after(ABANDON_MS, () => abandoned.abort());
        reject(reason);
      };
      Deno.connect({ hostname, port, signal }).then((socket) => {
        if (cancelTimer !== undefined) return socket.close();
        socket.setNoDelay(true);
        const connection = new Connection(socket, open);
        limit.onOver = (reason) => connection.close(reason);
        resolve(connection);
      }, reject).finally(() => cancelTimer?.());
    });
  }

  /** Sends all of the bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#socket.write(bytes.subarray(sent));
    }
  }

  /**
   * Reads what comes next.
   *
   * @returns bytes that hold until the next read; `undefined` at the end
   * @throws {Error} the reason for which this end was closed, if it had one
   */
  read(): Uint8Array | Promise<Uint8Array | undefined> {
    const unread = this.#unread;
    if (unread.length === 0) return this.#readSocket();
    this.#unread = NOTHING;
    return unread;
  }

  async #readSocket(): Promise<Uint8Array | undefined> {
    try {
      const size = await this.#socket.read(this.#buffer);
      if (size === null) return undefined;
      const bytes = this.#buffer.subarray(0, size);
      if (size === this.#buffer.length && size < LARGE_BUFFER_BYTES) {
        this.#buffer = new Uint8Array(LARGE_BUFFER_BYTES);
      }
      return bytes;
    } catch (error) {
      throw this.#reason ?? error;
    }
  }

  /** Puts back bytes that were read and not used. */
  unread(bytes: Uint8Array): void {
    this.#unread = bytes as Uint8Array<ArrayBuffer>;
  }

  /**
   * Closes it once the service has closed its end, and soon in any case. What
   * still comes belongs to no request and reaches nobody.
   */
  async finish(): Promise<void> {
    this.onDone();
    if (this.#unread.length > 0) return this.close();
    const cancelTimer = after(LINGER_MS, () => this.close());
    try {
      await this.#socket.read(SURPLUS);
    } catch {
      // It is over either way.
    }
    cancelTimer();
    this.close();
  }

  /**
   * Closes it.
   *
   * @param reason what a read under way or to come fails with
   */
  close(reason?: Error): void {
    if (!this.#open.delete(this)) return;
    this.onDone();
    this.#reason = reason;
    this.#socket.close();
  }
}
