/**
 * The simulated metadata service: a server around the two services' answers.
 *
 * @module
 */
import { formatAddress } from "../config/address.ts";
import type { ListenAddress } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { after } from "../system/timers.ts";
import { answerEc2, type Ec2Service } from "./ec2_service.ts";
import {
  pathOf,
  type SimulatorAnswer,
  type SimulatorRequest,
} from "./exchange.ts";
import type { MetadataTree } from "./metadata_tree.ts";
import { answerOpenStack, isOpenStack } from "./openstack_service.ts";
import { TokenStore } from "./token_store.ts";

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
  /** Settles when it has stopped. */
  readonly finished: Promise<void>;
  /** Takes no new connections; drops those that linger after a second. */
  stop(): Promise<void>;
}

/**
 * Starts a simulated metadata service.
 *
 * @param options its address, data and clock
 * @throws {Error} when the address cannot be had, with the system's cause
 */
// deno-lint-ignore require-await -- a failed bind is a rejection
export async function startSimulator(
  options: SimulatorOptions,
): Promise<Simulator> {
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
    const answer = isOpenStack(request.path)
      ? answerOpenStack(request, tree.openstack, now())
      : answerEc2(request, service);
    log?.debug("answered", {
      method: request.method,
      path: request.path.slice(0, LOGGED_PATH),
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
    finished: server.finished,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listenOn(
  listen: ListenAddress,
  signal: AbortSignal,
  log: Log | undefined,
  answer: (request: SimulatorRequest) => SimulatorAnswer,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname: listen.hostname,
      port: listen.port,
      signal,
      onListen: () => {},
      onError: (cause) => {
        log?.error("cannot answer", { reason: String(cause) });
        return new Response(null, { status: 500 });
      },
    }, (request) => toResponse(request.method, answer(toRequest(request))));
  } catch (cause) {
    throw new Error(`Cannot listen on ${formatAddress(listen)}`, { cause });
  }
}

function toRequest(request: Request): SimulatorRequest {
  return {
    method: request.method,
    path: pathOf(request.url),
    header: (name) => request.headers.get(name) ?? undefined,
  };
}

/** Bytes, never text: text would bring a content type of the runtime's own. */
function toResponse(
  method: string,
  { status, headers, body }: SimulatorAnswer,
): Response {
  const pairs: [string, string][] = headers.map(([name, value]) => [
    name,
    value,
  ]);
  if (method === "HEAD") pairs.push(["Content-Length", String(body.length)]);
  return new Response(method === "HEAD" ? null : body, {
    status,
    headers: pairs,
  });
}
