/**
 * One listener on `Deno.serve`, which comes back after it failed.
 *
 * @module
 */
import { ListenError } from "../config/address.ts";
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

/** What listens on one address until it is told to stop. */
export interface Listener {
  /** Where it listens; the port is the real one. */
  readonly address: Deno.NetAddr;
  /** Settles when it was stopped. */
  readonly finished: Promise<void>;
  /** Closes the listener and waits for the requests in flight. */
  shutdown(): Promise<void>;
  /** Drops every connection at once. */
  abort(): void;
}

/**
 * Listens at once.
 *
 * @param asked where to listen
 * @param handle answers requests
 * @param log the log
 * @param flag the flag that names the address
 * @throws {ListenError} when the address cannot be had
 */
export function listen(
  asked: ListenAddress,
  handle: Handle,
  log: Log,
  flag?: string,
): Listener {
  // While clients hold every descriptor, it fails again with the next of them.
  const rateLimitedLog = rateLimited(log);
  const abort = new AbortController();
  let stopping = false;
  const serve = (
    { hostname, port }: ListenAddress,
  ): Deno.HttpServer<Deno.NetAddr> =>
    Deno.serve({
      hostname,
      port,
      signal: abort.signal,
      onListen: () => {},
      onError: (error) => {
        // A broken stream was logged where it broke.
        log.debug("an answer broke off", { error: String(error) });
        return new Response(null, { status: 500 });
      },
    }, (request, info) => handle(request, info, address));

  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = serve(asked);
  } catch (cause) {
    throw new ListenError(asked, cause, flag);
  }
  const address: Deno.NetAddr = server.addr;
  const { hostname, port } = address;
  if (hostname !== asked.hostname || (asked.port > 0 && port !== asked.port)) {
    server.shutdown();
    throw new Error(
      `Asked to listen on ${asked.hostname} port ${asked.port}, got ${hostname} port ${port}`,
    );
  }
  const finished = watch();
  return {
    address,
    finished,
    async shutdown() {
      stopping = true;
      await server.shutdown();
      await finished;
    },
    abort() {
      stopping = true;
      abort.abort();
    },
  };

  /** Running out of descriptors ends a server; this one starts again. */
  async function watch(): Promise<void> {
    const where = { address: hostname, port };
    for (;;) {
      const error = await server.finished.then(() => "it ended", String);
      if (stopping) return;
      rateLimitedLog.error("the listener failed", { ...where, error });
      do {
        await delay(RELISTEN_MS);
        if (stopping) return;
      } while (!listenAgain(where));
    }
  }

  function listenAgain(where: LogFields): boolean {
    try {
      server = serve(address);
      rateLimitedLog.info("listening again", where);
      return true;
    } catch (cause) {
      rateLimitedLog.error("cannot listen again", {
        ...where,
        error: String(cause),
      });
      return false;
    }
  }
}
