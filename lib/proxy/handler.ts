/**
 * The way of a request: let in, sent up, answered.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import type { Meters } from "../system/meters.ts";
import { type Refusal, refusal } from "./admission.ts";
import { memoize } from "../system/memoize.ts";
import { type Answer, answerOf, ownAnswer, respond } from "./answer.ts";
import { ResponseCache } from "./cache/response_cache.ts";
import { Fields, identityOnly, requestHeaders } from "./headers.ts";
import { Incidents } from "./incidents.ts";
import type { OwnAddresses } from "./peers.ts";
import { RequestBodies, type RequestBody } from "./request_body.ts";
import { NO_HTTP2 } from "./places.ts";
import { originTarget, pathOf } from "./target.ts";
import { RewritePolicy } from "../rewrite/policy.ts";
import { TimeLimit } from "./upstream/time_limit.ts";
import type {
  Upstream,
  UpstreamAnswer,
  UpstreamRequest,
} from "./upstream/upstream.ts";
import {
  CameBack,
  ClientGone,
  UpstreamError,
} from "./upstream/upstream_error.ts";

/** A GET that has one is refused. */
const NO_BODY: RequestBody = { bytes: undefined };

/** The answer to a request of the proxy's own that came back. */
function loop(): Refusal {
  return {
    status: STATUS_CODE.LoopDetected,
    reason:
      `Loop detected: the redirect rule does not exempt uid ${Deno.uid()}`,
  };
}

/** What nginx logs for a client that left; nobody reads the answer. */
const CLIENT_CLOSED_REQUEST = 499;

const targetOf = memoize(originTarget);

/** What a handler works with. */
export interface HandlerParts {
  /** The one upstream. */
  readonly upstream: Pick<Upstream, "authority" | "send" | "comesBack">;
  /** The addresses of this node. */
  readonly own: OwnAddresses;
  /** The log. */
  readonly log: Log;
  /** What is counted, if anybody asks for it. */
  readonly meters?: Meters | undefined;
}

/** What a configuration makes of requests; exchanged as a whole. */
interface Policy {
  readonly config: ServeConfig;
  readonly rewrites: RewritePolicy;
  readonly cache: ResponseCache;
}

/** Answers requests for as long as the process lives. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #incidents: Incidents;
  readonly #bodies = new RequestBodies();
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
    this.#policy = this.#policyOf(config);
    const { log, meters, upstream } = parts;
    this.#incidents = new Incidents(
      log,
      `http://${upstream.authority}`,
      meters,
    );
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
      cache: new ResponseCache(config.cacheMs, undefined, meters),
      rewrites: new RewritePolicy(config, (region) =>
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
   * Refuses one request before anything of it is read.
   *
   * @param refused why
   */
  refuse(refused: Refusal): Response {
    this.#requests++;
    this.#parts.meters?.answered(refused.status);
    this.#incidents.refused(refused);
    // A stream costs least without a body.
    if (refused !== NO_HTTP2) return this.#turnAway(refused);
    this.#parts.meters?.refused(refused.status);
    return new Response(null, { status: refused.status });
  }

  /**
   * Answers one request.
   *
   * @param request the request
   * @param peer where it came from
   * @param listener where it came in
   */
  async handle(
    request: Request,
    peer: Deno.NetAddr,
    listener: Deno.NetAddr,
  ): Promise<Response> {
    this.#requests++;
    const traced = this.#policy.config.logLevel === "debug";
    const started = traced ? performance.now() : 0;
    const response = await this.#answer(request, peer, listener);
    this.#parts.meters?.answered(response.status);
    if (this.#draining) response.headers.set("connection", "close");
    if (!traced) return response;
    this.#parts.log.debug("request", {
      method: request.method,
      target: pathOf(originTarget(request.url)),
      status: response.status,
      ms: Math.round(performance.now() - started),
    });
    return response;
  }

  async #answer(
    request: Request,
    peer: Deno.NetAddr,
    listener: Deno.NetAddr,
  ): Promise<Response> {
    const { meters, upstream } = this.#parts;
    const fields = new Fields(request.headers);
    const { method } = request;
    const target = targetOf(request.url);
    const refused = this.#refusal({ method, target }, fields, peer, listener);
    if (refused !== undefined) return this.#turnAway(refused);
    const policy = this.#policy;
    try {
      const body = method === "GET"
        ? NO_BODY
        : await this.#bodies.read(request, policy.config.timeoutMs);
      if ("status" in body) {
        if (body.status === STATUS_CODE.ServiceUnavailable) {
          this.#incidents.refused(body);
        }
        return this.#turnAway(body);
      }
      const up: UpstreamRequest = {
        method,
        target,
        headers: requestHeaders(fields, upstream.authority),
        body: body.bytes,
      };
      const answer = await policy.cache.answer(
        up,
        request,
        (client) => this.#ask(up, policy, client),
      );
      if ("stream" in answer) {
        answer.ended.then(({ failure, rewritten }) => {
          if (meters !== undefined && rewritten) meters.rewritten++;
          if (failure !== undefined) this.#incidents.failed(failure, up);
        });
      } else if (meters !== undefined && answer.rewritten) meters.rewritten++;
      return respond(answer);
    } catch (error) {
      return this.#failed(error, request);
    }
  }

  /** Asks the service, and makes the answer, all within one time limit. */
  async #ask(
    up: UpstreamRequest,
    { config: { timeoutMs }, rewrites }: Policy,
    client: AbortSignal,
  ): Promise<Answer> {
    const limit = new TimeLimit(timeoutMs, client);
    try {
      const rewrite = rewrites.of(up.method, up.target);
      const mayChange = rewrite.rule.kind !== "untouched" ||
        rewrite.edit !== undefined;
      const asked = mayChange
        ? { ...up, headers: identityOnly(up.headers) }
        : up;
      return await answerOf(await this.#send(asked, rewrites, limit), {
        method: up.method,
        rewrite,
        stallMs: timeoutMs,
        onCompressed: () => this.#incidents.compressed(up),
      });
    } finally {
      limit[Symbol.dispose]();
    }
  }

  /**
   * Sends a request up, where a client asks for a name that only answers have
   * under its real name. Nothing there has that name: then it is the client's.
   */
  async #send(
    up: UpstreamRequest,
    rewrites: RewritePolicy,
    limit: TimeLimit,
  ): Promise<UpstreamAnswer> {
    const target = rewrites.realTarget(up.method, up.target);
    const answer = await this.#timed({ ...up, target }, limit);
    if (target === up.target || answer.status !== STATUS_CODE.NotFound) {
      return answer;
    }
    answer.body.destroy();
    return await this.#timed(up, limit);
  }

  async #timed(
    up: UpstreamRequest,
    limit: TimeLimit,
  ): Promise<UpstreamAnswer> {
    const { upstream, meters } = this.#parts;
    const began = performance.now();
    try {
      return await upstream.send(up, limit);
    } finally {
      meters?.upstreamTime.observe((performance.now() - began) / 1000);
    }
  }

  #refusal(
    asked: Pick<UpstreamRequest, "method" | "target">,
    fields: Fields,
    peer: Deno.NetAddr,
    listener: Deno.NetAddr,
  ): Refusal | undefined {
    const { own, upstream } = this.#parts;
    if (!own.includes(peer.hostname)) {
      this.#incidents.stranger(peer.hostname);
      return {
        status: STATUS_CODE.Forbidden,
        reason: "Only this node itself may ask",
      };
    }
    if (upstream.comesBack(peer, listener, asked)) return loop();
    // `Deno.serve` refuses every other control byte by itself, and in HTTP/1
    // this one, too.
    if (asked.target.includes("\x7f")) {
      return {
        status: STATUS_CODE.BadRequest,
        reason: "Bad request target: it has a control byte",
      };
    }
    const { allowBrowsers } = this.#policy.config;
    return refusal(asked.method, fields, allowBrowsers);
  }

  #turnAway(refused: Refusal): Response {
    const answer = ownAnswer(refused);
    if (refused.status !== STATUS_CODE.LoopDetected) {
      this.#parts.meters?.refused(refused.status);
    }
    return answer;
  }

  #failed(error: unknown, request: Request): Response {
    const { upstream } = this.#parts;
    const asked = {
      method: request.method,
      target: originTarget(request.url),
    };
    if (error instanceof ClientGone) {
      this.#incidents.failed(error, asked);
      return new Response(null, { status: CLIENT_CLOSED_REQUEST });
    }
    if (error instanceof CameBack) {
      this.#incidents.loop();
      return this.#turnAway(loop());
    }
    if (error instanceof UpstreamError) {
      this.#incidents.failed(error, asked);
      return ownAnswer({
        status: error.fault === "late"
          ? STATUS_CODE.GatewayTimeout
          : STATUS_CODE.BadGateway,
        reason:
          `Metadata service http://${upstream.authority}: ${error.message}`,
      });
    }
    this.#incidents.mistake(error);
    return ownAnswer({
      status: STATUS_CODE.BadRequest,
      reason: "Cannot forward this request",
    });
  }
}
