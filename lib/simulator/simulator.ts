/**
 * The simulated metadata service: a server around the two services' answers.
 *
 * @module
 */
import { formatAddress, ListenError } from "../config/address.ts";
import type { ListenAddress } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { after } from "../system/timers.ts";
import { answerEc2, type Ec2Service, TokenStore } from "./ec2_service.ts";
import { pathOf } from "./exchange.ts";
import type { MetadataTree } from "./metadata_tree.ts";
import { answerOpenStack, isOpenStack } from "./openstack_service.ts";

/** How long a stop waits for requests in flight, in milliseconds. */
const GRACE_MS = 1_000;

/** How much of a path is logged. */
const LOGGED_PATH = 200;

/** What a simulator runs with. */
export interface SimulatorOptions {
  /** Where it listens; port 0 takes a free one. */
  readonly listen: ListenAddress;
  /** What it knows. */
  readonly tree: MetadataTree;
  /** Whether GET and HEAD on the EC2 paths need a token. */
  readonly requireV2: boolean;
  /** The clock, in milliseconds since 1970; the system's unless given. */
  readonly now?: () => number;
  /** Gets one line a request, at debug. */
  readonly log?: Log;
}

/** A simulator that listens. */
export interface Simulator extends AsyncDisposable {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** The same as a URL, without a trailing slash. */
  readonly url: string;
  /** Takes no new connections; drops those that linger after a second. */
  stop(): Promise<void>;
}

/**
 * Starts a simulated metadata service.
 *
 * @param options its address, data and clock
 * @throws {ListenError} when the address cannot be had
 */
export function startSimulator(options: SimulatorOptions): Simulator {
  const { listen, tree, requireV2, now = Date.now, log } = options;
  const service: Ec2Service = {
    tree,
    // A token's life is a span of time, which no change of the date shortens.
    tokens: new TokenStore(options.now ?? (() => performance.now())),
    requireV2,
    lastModified: new Date(now()).toUTCString(),
    now,
  };
  const force = new AbortController();
  const server = listenOn(listen, force.signal, log, (request) => {
    const { method, url } = request;
    const path = pathOf(url);
    const answer = isOpenStack(path)
      ? answerOpenStack(method, path, tree.openstack, now())
      : answerEc2(request, path, service);
    log?.debug("answered", {
      method,
      path: path.slice(0, LOGGED_PATH),
      status: answer.status,
    });
    return answer;
  });
  const stop = async () => {
    const cancelForce = after(GRACE_MS, () => force.abort());
    try {
      await server.shutdown();
      await server.finished;
    } finally {
      cancelForce();
    }
  };
  return {
    address: server.addr,
    url: `http://${formatAddress(server.addr)}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listenOn(
  listen: ListenAddress,
  signal: AbortSignal,
  log: Log | undefined,
  answer: (request: Request) => Response,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      ...listen,
      signal,
      onListen: () => {},
      onError: (cause) => {
        log?.error("cannot answer", { reason: String(cause) });
        return new Response(null, { status: 500 });
      },
    }, answer);
  } catch (cause) {
    throw new ListenError(listen, cause);
  }
}
