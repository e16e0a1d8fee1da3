/**
 * One connection to the upstream.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";

/** Room for one read: most answers come in one. */
const BUFFER_BYTES = 16 * 1024;

const NOTHING = new Uint8Array(0);

/** Bytes go out, bytes come in; never two reads at a time. */
export class Connection {
  /** This end of it. */
  readonly local: Deno.NetAddr;
  /** The other end. */
  readonly remote: Deno.NetAddr;
  readonly #socket: Deno.TcpConn;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  /** The read that was begun while nothing was asked. */
  #ahead: Promise<number | null> | undefined;
  #resting = false;
  #unread: Uint8Array | undefined;
  #received = 0;
  #closed = false;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.local = socket.localAddr;
    this.remote = socket.remoteAddr;
  }

  /**
   * Connects.
   *
   * @param address where to
   * @param signal gives up
   * @throws {Error} when there is no connection
   */
  static async open(
    { hostname, port }: UpstreamAddress,
    signal: AbortSignal,
  ): Promise<Connection> {
    const socket = await Deno.connect({ hostname, port, signal });
    socket.setNoDelay(true);
    return new Connection(socket);
  }

  /** How many bytes have come so far. */
  get received(): number {
    return this.#received;
  }

  /** Whether bytes are there that were read and not used. */
  get hasUnread(): boolean {
    return this.#unread !== undefined;
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
   */
  async read(): Promise<Uint8Array | undefined> {
    const unread = this.#unread;
    if (unread !== undefined) {
      this.#unread = undefined;
      return unread;
    }
    const ahead = this.#ahead ?? this.#socket.read(this.#buffer);
    this.#ahead = undefined;
    const size = await ahead;
    if (size === null) return undefined;
    this.#received += size;
    return this.#buffer.subarray(0, size);
  }

  /**
   * Takes bytes that are there already.
   *
   * @param size how many
   * @returns a copy of them; `undefined` when not so many are there
   */
  take(size: number): Uint8Array | undefined {
    const unread = this.#unread ?? NOTHING;
    if (unread.length < size) return undefined;
    this.unread(unread.subarray(size));
    return unread.slice(0, size);
  }

  /** Puts back bytes that were read and not used. */
  unread(bytes: Uint8Array): void {
    this.#unread = bytes.length === 0 ? undefined : bytes;
  }

  /**
   * Watches the connection while nothing is asked on it. Bytes that come then
   * belong to no request, and what follows them would be taken for the answer
   * to the next one: whatever comes, even the end, is the end of it.
   *
   * @param gone called then
   */
  rest(gone: () => void): void {
    this.#resting = true;
    this.#ahead = this.#socket.read(this.#buffer);
    const over = () => {
      if (this.#resting && !this.#closed) gone();
    };
    this.#ahead.then(over, over);
  }

  /** Ends the watch: what comes now is an answer. */
  wake(): void {
    this.#resting = false;
  }

  /** Closes it; a read under way fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
