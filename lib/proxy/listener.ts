/**
 * One listener on `Deno.serve`, which comes back after it failed.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ListenAddress } from "../config/serve_config.ts";
import { type Log, type LogFields, rateLimited } from "../system/log.ts";
import { delay } from "../system/timers.ts";

/** How long to wait before listening again, in milliseconds. */
const RELISTEN_MS = 100;

/** Answers a request that came to a listener. */
export type Handle = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  listener: Deno.NetAddr,
) => Response | Promise<Response>;

/** An address cannot be had. */
export class ListenError extends Error {
  /** The address, as it was asked for. */
  readonly address: ListenAddress;
  /** The flag that names the address. */
  readonly flag: string;

  /**
   * Makes the error.
   *
   * @param address the address
   * @param flag the flag that names it
   * @param cause the system's error
   */
  constructor(address: ListenAddress, flag: string, cause: unknown) {
    super(`Cannot listen on ${formatAddress(address)}`, { cause });
    this.name = "ListenError";
    this.address = address;
    this.flag = flag;
  }
}

/** Listens on one address until it is told to stop. */
export class Listener {
  /** Where it listens; the port is the real one. */
  readonly address: Deno.NetAddr;
  /** Settles when it was stopped. */
  readonly finished: Promise<void>;
  readonly #handle: Handle;
  readonly #log: Log;
  // While clients hold every descriptor, it fails again with the next of them.
  readonly #seldom: Log;
  readonly #abort = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr>;
  #stopping = false;

  /**
   * Listens at once.
   *
   * @param asked where to listen
   * @param handle answers requests
   * @param log the log
   * @param flag the flag that names the address
   * @throws {ListenError} when the address cannot be had
   */
  constructor(
    asked: ListenAddress,
    handle: Handle,
    log: Log,
    flag = "--listen",
  ) {
    this.#handle = handle;
    this.#log = log;
    this.#seldom = rateLimited(log);
    try {
      this.#server = this.#serve(asked);
    } catch (cause) {
      throw new ListenError(asked, flag, cause);
    }
    this.address = this.#server.addr;
    const { hostname, port } = this.address;
    if (
      hostname !== asked.hostname || (asked.port > 0 && port !== asked.port)
    ) {
      this.#server.shutdown();
      throw new Error(
        `Asked to listen on ${asked.hostname} port ${asked.port}, got ${hostname} port ${port}`,
      );
    }
    this.finished = this.#watch();
  }

  /** Closes the listener and waits for the requests in flight. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    await this.#server.shutdown();
    await this.finished;
  }

  /** Drops every connection at once. */
  abort(): void {
    this.#stopping = true;
    this.#abort.abort();
  }

  #serve(address: ListenAddress): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({
      hostname: address.hostname,
      port: address.port,
      signal: this.#abort.signal,
      onListen: () => {},
      onError: (error) => {
        // A broken stream was logged where it broke.
        this.#log.debug("an answer broke off", { error: String(error) });
        return new Response(null, { status: 500 });
      },
    }, (request, info) => this.#handle(request, info, this.address));
  }

  /** Running out of descriptors ends a server; this one starts again. */
  async #watch(): Promise<void> {
    const where = { address: this.address.hostname, port: this.address.port };
    for (;;) {
      const error = await this.#server.finished.then(() => "it ended", String);
      if (this.#stopping) return;
      this.#seldom.error("the listener failed", { ...where, error });
      do {
        await delay(RELISTEN_MS);
        if (this.#stopping) return;
      } while (!this.#listenAgain(where));
    }
  }

  #listenAgain(where: LogFields): boolean {
    try {
      this.#server = this.#serve(this.address);
      this.#seldom.info("listening again", where);
      return true;
    } catch (cause) {
      const error = String(cause);
      this.#seldom.error("cannot listen again", { ...where, error });
      return false;
    }
  }
}
