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

/** Bytes go out, bytes come in; never two reads at a time. */
export class Connection {
  /** This end of it. */
  readonly local: Deno.NetAddr;
  /** The other end. */
  readonly remote: Deno.NetAddr;
  readonly #socket: Deno.TcpConn;
  readonly #onClose: (connection: Connection) => void;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #unread = NOTHING;
  #closed = false;
  #reason: Error | undefined;

  private constructor(
    socket: Deno.TcpConn,
    onClose: (connection: Connection) => void,
  ) {
    this.#socket = socket;
    this.#onClose = onClose;
    this.local = socket.localAddr;
    this.remote = socket.remoteAddr;
  }

  /**
   * Connects.
   *
   * @param address where to
   * @param signal gives up
   * @param onClose called once, when the connection is closed at this end
   * @throws {Error} when there is no connection
   */
  static async open(
    { hostname, port }: UpstreamAddress,
    signal: AbortSignal,
    onClose: (connection: Connection) => void,
  ): Promise<Connection> {
    signal.throwIfAborted();
    const abandoned = new AbortController();
    const connecting = Deno.connect({
      hostname,
      port,
      signal: abandoned.signal,
    });
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave);
    try {
      const socket = await Promise.race([connecting, left]);
      socket.setNoDelay(true);
      return new Connection(socket, onClose);
    } catch (error) {
      // Deno 2.9.6 never closes what connects just as it is aborted.
      const cancelTimer = after(ABANDON_MS, () => abandoned.abort());
      connecting.then((socket) => socket.close(), () => {})
        .finally(cancelTimer);
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
    }
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
  async read(): Promise<Uint8Array | undefined> {
    const unread = this.#unread;
    if (unread.length > 0) {
      this.#unread = NOTHING;
      return unread;
    }
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

  /**
   * Takes bytes that are there already.
   *
   * @param size how many
   * @returns a copy of them; `undefined` when not so many are there
   */
  take(size: number): Uint8Array<ArrayBuffer> | undefined {
    const unread = this.#unread;
    if (unread.length < size) return undefined;
    this.unread(unread.subarray(size));
    return unread.slice(0, size);
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
    if (this.#unread.length > 0) return this.close();
    const cancelTimer = after(LINGER_MS, () => this.close());
    try {
      await this.#socket.read(this.#buffer);
    } catch {
      // It is over either way.
    } finally {
      cancelTimer();
      this.close();
    }
  }

  /**
   * Closes it.
   *
   * @param reason what a read under way or to come fails with
   */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#socket.close();
    this.#onClose(this);
  }
}
