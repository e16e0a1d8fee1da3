/**
 * The way of a request: let in, sent up, answered.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { ServeConfig } from "../config/serve_config.ts";
import { type RewritePolicy, rewritePolicy } from "../rewrite/policy.ts";
import {
  type Log,
  type LogWrite,
  rateLimited,
  rateLimitedLog,
} from "../system/log.ts";
import { memoize } from "../system/memoize.ts";
import type { Meters } from "../system/meters.ts";
import {
  isHttp2,
  NO_HTTP2,
  NO_STRANGERS,
  originTarget,
  pathOf,
  type Refusal,
  refusal,
  requestBodies,
} from "./admission.ts";
import { type Answer, answerOf, ownAnswer, respond } from "./answer.ts";
import { fieldsOf, identityOnly, requestHeaders } from "./headers.ts";
import type { TakePlace } from "./places.ts";
import {
  type Ask,
  type ResponseCache,
  responseCache,
} from "./response_cache.ts";
import type { UpstreamAnswer } from "./upstream/answer_reader.ts";
import { clientOf, TimeLimit, type Waiting } from "./upstream/time_limit.ts";
import type { Upstream, UpstreamRequest } from "./upstream/upstream.ts";
import {
  ClientGone,
  type Failure,
  UpstreamError,
} from "./upstream/upstream_error.ts";

/** What nginx logs for a client that left; nobody reads the answer. */
const CLIENT_CLOSED_REQUEST = 499;

/** How many failures of the service are logged in a minute. */
const MOST_FAULTS = 10;

const targetOf = memoize(originTarget);

/** What a handler works with. */
export interface HandlerParts {
  /** The one upstream. */
  readonly upstream: Pick<Upstream, "authority" | "send" | "comesBack">;
  /** Whether an address is one of this node's. */
  readonly isOwn: (address: string) => boolean;
  /** Takes the places for requests in flight. */
  readonly takePlace: TakePlace;
  /** The log. */
  readonly log: Log;
  /** What is counted. */
  readonly meters: Meters;
}

/** What a configuration makes of requests; exchanged as a whole. */
interface Policy {
  readonly config: ServeConfig;
  readonly rewrites: RewritePolicy;
  readonly cache: ResponseCache;
}

/** What log entries name of a request. */
type Asked = Pick<UpstreamRequest, "method" | "target">;

/** Answers requests for as long as the process lives. */
export class Handler {
  readonly #parts: HandlerParts;
  /** Anybody on the node can cause most of what goes wrong, at will. */
  readonly #rateLimitedLog: Log;
  readonly #logFault: LogWrite;
  readonly #readBody = requestBodies();
  #policy: Policy;
  #requests = 0;
  #draining = false;

  /**
   * Makes a handler.
   *
   * @param config the configuration to begin with
   * @param parts what it works with
   */
  constructor(config: ServeConfig, parts: HandlerParts) {
    this.#parts = parts;
    this.#rateLimitedLog = rateLimited(parts.log);
    this.#logFault = rateLimitedLog(parts.log.warn, MOST_FAULTS);
    this.#policy = this.#policyOf(config);
  }

  /** How many requests have come so far. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * Answers by another configuration from now on; requests in flight end by
   * the one they began with. Listeners and upstream stay as they are.
   *
   * @param config the configuration
   */
  configure(config: ServeConfig): void {
    this.#policy = this.#policyOf(config);
  }

  #policyOf(config: ServeConfig): Policy {
    const { log, meters } = this.#parts;
    return {
      config,
      cache: responseCache(config.cacheMs, meters),
      rewrites: rewritePolicy(config, (region) =>
        log.warn(
          `the metadata service names a region that no map covers: add --region ${region}=EMULATED`,
        )),
    };
  }

  /** From now on asks clients to close their connections. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * Answers one request.
   *
   * @param request the request
   * @param info where it came from, and when its last byte was sent
   * @param listener where it came in
   */
  async handle(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
    listener: Deno.NetAddr,
  ): Promise<Response> {
    this.#requests++;
    const { log, meters } = this.#parts;
    const traced = this.#policy.config.logLevel === "debug";
    const started = traced ? performance.now() : 0;
    const response = await this.#answer(request, info, listener);
    meters.answers.add(`${Math.floor(response.status / 100)}xx`);
    if (this.#draining) response.headers.set("connection", "close");
    if (!traced) return response;
    log.debug("request", {
      method: request.method,
      target: pathOf(targetOf(request.url)),
      status: response.status,
      ms: Math.round(performance.now() - started),
    });
    return response;
  }

  async #answer(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
    listener: Deno.NetAddr,
  ): Promise<Response> {
    const { meters, isOwn, takePlace, upstream } = this.#parts;
    const { method, url } = request;
    const fields = fieldsOf(request.headers);
    if (isHttp2(fields, url, listener)) return this.#turnAway(NO_HTTP2);
    const peer = info.remoteAddr;
    const taken = takePlace(peer);
    const leave = taken instanceof Promise ? await taken : taken;
    if (typeof leave !== "function") return this.#turnAway(leave);
    // It settles when the answer was handed over, a streamed one when sent.
    info.completed.then(leave, leave);

    const policy = this.#policy;
    const { config, cache } = policy;
    const asked = { method, target: targetOf(url) };
    if (!isOwn(peer.hostname)) {
      this.#rateLimitedLog.warn("refused a peer that is not this node", {
        peer: peer.hostname,
      });
      return this.#turnAway(NO_STRANGERS);
    }
    if (upstream.comesBack(peer, listener, asked)) return loopAnswer();
    const refused = refusal(method, fields, config.allowBrowsers);
    if (refused !== undefined) return this.#turnAway(refused);
    try {
      const body = method === "GET"
        ? undefined
        : await this.#readBody(request, config.timeoutMs);
      if (body !== undefined && "status" in body) return this.#turnAway(body);
      const headers = requestHeaders(fields, upstream.authority);
      const up = { ...asked, headers, body };
      const client = clientOf(request);
      const ask: Ask = (waiting) => this.#ask(up, policy, waiting);
      const found = cache(up, client, ask);
      const answer = found instanceof Promise ? await found : found;
      if (answer.rewritten) meters.rewritten++;
      return respond(answer);
    } catch (error) {
      return this.#failed(error, asked);
    }
  }

  /** Asks the service, and makes the answer, all within one time limit. */
  async #ask(
    up: UpstreamRequest,
    { config: { timeoutMs }, rewrites }: Policy,
    waiting: Waiting,
  ): Promise<Answer> {
    const { method, target } = up;
    const limit = new TimeLimit(timeoutMs, waiting);
    try {
      const rewrite = rewrites.of(method, target);
      const mayChange = rewrite.rule.kind !== "untouched" ||
        rewrite.edit !== undefined;
      const headers = mayChange ? identityOnly(up.headers) : up.headers;
      const sent = {
        ...up,
        headers,
        target: rewrites.realTarget(method, target),
      };
      let answer = await this.#send(sent, limit);
      // Where nothing has the real name, the name is the client's own.
      if (sent.target !== target && answer.status === STATUS_CODE.NotFound) {
        answer.body.destroy();
        answer = await this.#send({ ...sent, target }, limit);
      }
      return await answerOf(answer, {
        method,
        rewrite,
        stallMs: timeoutMs,
        onCompressed: () =>
          this.#rateLimitedLog.warn(
            "the metadata service compressed an answer although identity was asked for: it passes unchanged and may name the real region",
            { target: pathOf(target) },
          ),
        onStreamEnd: (failure, rewritten) => {
          if (rewritten) this.#parts.meters.rewritten++;
          if (failure !== undefined) this.#logFailure(failure, up);
        },
      });
    } finally {
      limit[Symbol.dispose]();
    }
  }

  async #send(up: UpstreamRequest, limit: TimeLimit): Promise<UpstreamAnswer> {
    const { upstream, meters } = this.#parts;
    const began = performance.now();
    try {
      return await upstream.send(up, limit);
    } finally {
      meters.upstreamTime.observe((performance.now() - began) / 1000);
    }
  }

  #turnAway(refused: Refusal): Response {
    const { status, reason } = refused;
    this.#parts.meters.refusals.add(status);
    if (status === STATUS_CODE.ServiceUnavailable) {
      this.#rateLimitedLog.warn("refused a request", { reason });
    }
    if (refused !== NO_HTTP2) return ownAnswer(refused);
    this.#rateLimitedLog.info("refused a request", { reason });
    // A stream costs least without a body.
    return new Response(null, { status });
  }

  #failed(error: unknown, asked: Asked): Response {
    if (error instanceof ClientGone) {
      this.#logFailure(error, asked);
      return new Response(null, { status: CLIENT_CLOSED_REQUEST });
    }
    if (!(error instanceof UpstreamError)) {
      // A mistake of its own; the message of that error may hold anything.
      this.#rateLimitedLog.error("cannot forward a request", {
        error: error instanceof Error ? error.name : typeof error,
      });
      const reason = "Cannot forward this request";
      return ownAnswer({ status: STATUS_CODE.BadRequest, reason });
    }
    this.#logFailure(error, asked);
    const { fault, message } = error;
    if (fault === "loop") return loopAnswer();
    return ownAnswer({
      status: fault === "late"
        ? STATUS_CODE.GatewayTimeout
        : STATUS_CODE.BadGateway,
      reason: `Metadata service ${this.#service}: ${message}`,
    });
  }

  /** Tells that the service failed a request, or its client left. */
  #logFailure(error: Failure, asked: Asked): void {
    const { log, meters } = this.#parts;
    const request = { method: asked.method, target: pathOf(asked.target) };
    if (error instanceof ClientGone) {
      log.debug(`dropped a client that ${error.did}`, request);
    } else if (error.fault === "loop") {
      meters.loops++;
      this.#rateLimitedLog.error(
        "a request of this proxy came back to it: the rule must exempt the uid this proxy runs as",
        { uid: Deno.uid() ?? "unknown" },
      );
    } else {
      meters.faults.add(error.fault);
      this.#logFault("the metadata service failed", {
        upstream: this.#service,
        fault: error.message,
        ...request,
      });
    }
  }

  /** What the service is called in logs and answers. */
  get #service(): string {
    return `http://${this.#parts.upstream.authority}`;
  }
}

/** The answer to a request of the proxy's own that came back. */
function loopAnswer(): Response {
  return ownAnswer({
    status: STATUS_CODE.LoopDetected,
    reason:
      `Loop detected: the redirect rule does not exempt uid ${Deno.uid()}`,
  });
}
