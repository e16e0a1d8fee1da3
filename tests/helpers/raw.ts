/**
 * HTTP over a plain socket: what is sent is chosen byte by byte, and what comes
 * back is only taken apart, never interpreted.
 *
 * @module
 */
import type { ListenAddress } from "../../lib/config/serve_config.ts";
import { Buffer } from "node:buffer";

/** A header as it stands on the wire. */
export type RawHeader = readonly [name: string, value: string];

/** An answer, taken apart. */
export interface RawAnswer {
  /** As in `HTTP/1.1`. */
  readonly version: string;
  /** The status code. */
  readonly status: number;
  /** The reason phrase. */
  readonly reason: string;
  /** Every header, in the order of the wire. */
  readonly headers: readonly RawHeader[];
  /** The body, chunks put together; one character a byte. */
  readonly body: string;
  /** Whether the body came to its end. */
  readonly complete: boolean;
}

/** How long anything may take before a test fails, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Text to bytes, one character a byte. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text, "latin1");
}

/** Bytes to text, one character a byte. */
export function textOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** The values of a header, by its lower-case name. */
export function valuesOf(
  { headers }: { readonly headers: readonly RawHeader[] },
  name: string,
): string[] {
  return headers.filter(([it]) => it.toLowerCase() === name)
    .map(([, value]) => value);
}

/** Takes header lines apart; a folded line stays with the one before. */
export function headersOf(lines: readonly string[]): RawHeader[] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? [line, ""] : [
      line.slice(0, colon),
      line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""),
    ];
  });
}

/** Splits a head, without its empty line, into lines. */
export function linesOf(head: string): string[] {
  return head.replaceAll(/\r\n(?=[ \t])/g, "\0").split("\r\n")
    .map((line) => line.replaceAll("\0", "\r\n"));
}

/** A client on a socket. */
export class RawClient implements Disposable {
  readonly #conn: Deno.Conn;
  #unread = "";
  #ended = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects. */
  static async connect(
    { hostname, port }: ListenAddress,
  ): Promise<RawClient> {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    return new RawClient(conn);
  }

  /** Sends bytes, or text with one character a byte. */
  async send(data: string | Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = typeof data === "string" ? bytesOf(data) : data;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }

  /** Tells the other side that nothing more will be sent. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /**
   * Reads the next answer; those of status 100 to 199 count.
   *
   * @param method what was asked: the answer to HEAD has no body
   * @throws {Error} when none begins, or none begins in time
   */
  async answer(method = "GET"): Promise<RawAnswer> {
    const head = await this.#until("\r\n\r\n");
    const [first = "", ...lines] = linesOf(head);
    const parts = /^(\S*) (\d+)(?: (.*))?$/.exec(first);
    if (parts === null) {
      throw new Error(`Not an answer: ${JSON.stringify(first)}`);
    }
    const [, version = "", code = "", reason = ""] = parts;
    const headers = headersOf(lines);
    const status = Number(code);
    const bodiless = method === "HEAD" || status < 200 || status === 204 ||
      status === 304;
    const { body, complete } = bodiless
      ? { body: "", complete: true }
      : await this.#body(headers);
    return { version, status, reason, headers, body, complete };
  }

  /** Everything that comes until the other side closes. */
  async rest(): Promise<string> {
    while (await this.#more());
    const rest = this.#unread;
    this.#unread = "";
    return rest;
  }

  /** Reads at least one byte; `false` at the end. */
  async readSome(): Promise<string | undefined> {
    if (this.#unread === "" && !await this.#more()) return undefined;
    const some = this.#unread;
    this.#unread = "";
    return some;
  }

  /** Drops the connection. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It was closed already.
    }
  }

  /** The same as {@linkcode RawClient.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #body(
    headers: readonly RawHeader[],
  ): Promise<{ readonly body: string; readonly complete: boolean }> {
    const [coding] = valuesOf({ headers }, "transfer-encoding");
    const [length] = valuesOf({ headers }, "content-length");
    if (coding !== undefined) return await this.#chunks();
    if (length === undefined) {
      return { body: await this.rest(), complete: true };
    }
    const wanted = Number(length);
    while (this.#unread.length < wanted && await this.#more());
    return {
      complete: this.#unread.length >= wanted,
      body: this.#take(wanted),
    };
  }

  async #chunks() {
    let body = "";
    try {
      for (;;) {
        const size = parseInt(await this.#until("\r\n"), 16);
        while (this.#unread.length < size + 2 && await this.#more());
        if (size > 0 && this.#unread.length < size + 2) {
          return { body: body + this.#take(size), complete: false };
        }
        body += this.#take(size);
        this.#take(2);
        if (size === 0) return { body, complete: true };
      }
    } catch {
      return { body, complete: false };
    }
  }

  #take(length: number): string {
    const taken = this.#unread.slice(0, length);
    this.#unread = this.#unread.slice(length);
    return taken;
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#unread.indexOf(mark);
      if (at >= 0) {
        const text = this.#take(at);
        this.#take(mark.length);
        return text;
      }
      if (!await this.#more()) {
        throw new Error(
          `Connection ended within ${
            JSON.stringify(this.#unread.slice(0, 200))
          }`,
        );
      }
    }
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const buffer = new Uint8Array(64 * 1024);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, PATIENCE_MS);
    try {
      const size = await this.#conn.read(buffer);
      if (size === null) this.#ended = true;
      else this.#unread += textOf(buffer.subarray(0, size));
    } catch (error) {
      if (late) throw new Error("Nothing came in time", { cause: error });
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.#ended = true;
    } finally {
      clearTimeout(timer);
    }
    return !this.#ended;
  }
}

/** Sends one request on a connection of its own and reads the answer. */
export async function ask(
  address: ListenAddress,
  request: string,
): Promise<RawAnswer> {
  using client = await RawClient.connect(address);
  await client.send(request);
  return await client.answer(request.slice(0, request.indexOf(" ")));
}

/** A plain GET of a target. */
export function get(target: string, ...lines: readonly string[]): string {
  return ["GET " + target + " HTTP/1.1", "Host: h", ...lines, "", ""]
    .join("\r\n");
}
