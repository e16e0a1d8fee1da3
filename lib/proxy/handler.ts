/**
 * The way of a request: let in, sent up, answered.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../observe/log.ts";
import type { Meters } from "../observe/meters.ts";
import { type Refusal, refusal } from "./admission.ts";
import { answerOf, ownAnswer, respond } from "./answer.ts";
import { Fields, requestHeaders } from "./headers.ts";
import { Incidents } from "./incidents.ts";
import type { OwnAddresses } from "./peers.ts";
import { RequestBodies, type RequestBody } from "./request_body.ts";
import { NO_HTTP2 } from "./places.ts";
import { remembering } from "./remember.ts";
import { SharedAnswers } from "./share.ts";
import { originTarget, pathOf } from "./target.ts";
import { Treatments } from "./treatment.ts";
import type { Upstream, UpstreamAnswer, UpstreamRequest } from "./upstream.ts";
import { UpstreamError } from "./upstream_error.ts";

/** A GET that has one is refused. */
const NO_BODY: RequestBody = { bytes: undefined };

const targetOf = remembering(originTarget);

/** What a handler works with. */
export interface HandlerParts {
  /** The one upstream. */
  readonly upstream: Upstream;
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
  readonly treatments: Treatments;
  readonly shared: SharedAnswers;
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
      shared: new SharedAnswers(config.cacheMs, undefined, meters),
      treatments: new Treatments(
        config.rewrite,
        config.regions,
        (region) =>
          log.warn(
            "the metadata service names a region that no map covers: add --region",
            { region },
          ),
        config.identity,
      ),
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
    const { upstream, meters } = this.#parts;
    const fields = new Fields(request.headers);
    const { method } = request;
    const target = targetOf(request.url);
    const refused = this.#refusal({ method, target }, fields, peer, listener);
    if (refused !== undefined) return this.#turnAway(refused);
    const { config: { timeoutMs }, shared, treatments } = this.#policy;
    try {
      const body = method === "GET"
        ? NO_BODY
        : await this.#bodies.read(request, timeoutMs);
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
      const answer = await shared.answer(up, async () => {
        const deadline = performance.now() + timeoutMs;
        return await answerOf(await this.#send(up, treatments, deadline), {
          method: up.method,
          treatment: treatments.of(up.method, up.target),
          deadline,
          stallMs: timeoutMs,
          onStreamEnd: (error, rewritten) => {
            if (meters !== undefined && rewritten) meters.rewritten++;
            if (error !== undefined) this.#incidents.failed(error, up);
          },
        });
      });
      if (meters !== undefined && "bytes" in answer && answer.rewritten) {
        meters.rewritten++;
      }
      return respond(answer);
    } catch (error) {
      return this.#failed(error, request);
    }
  }

  /**
   * Sends a request up, where a client asks for a name that only answers have
   * under its real name. Nothing there has that name: then it is the client's.
   */
  async #send(
    up: UpstreamRequest,
    treatments: Treatments,
    deadline: number,
  ): Promise<UpstreamAnswer> {
    const left = () => Math.max(1, Math.ceil(deadline - performance.now()));
    const target = treatments.realTarget(up.method, up.target);
    const answer = await this.#ask({ ...up, target }, left());
    if (target === up.target || answer.status !== STATUS_CODE.NotFound) {
      return answer;
    }
    answer.body.destroy();
    return await this.#ask(up, left());
  }

  async #ask(up: UpstreamRequest, timeoutMs: number): Promise<UpstreamAnswer> {
    const { upstream, meters } = this.#parts;
    if (meters === undefined) return await upstream.send(up, timeoutMs);
    const began = performance.now();
    try {
      return await upstream.send(up, timeoutMs);
    } finally {
      meters.upstreamTime.observe((performance.now() - began) / 1000);
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
    const comesBack = upstream.comesBack(peer, listener, asked);
    if (comesBack !== undefined) {
      if (comesBack === "again") this.#incidents.loop();
      return {
        status: STATUS_CODE.LoopDetected,
        reason:
          `Loop detected: the redirect rule does not exempt uid ${Deno.uid()}`,
      };
    }
    const { allowBrowsers } = this.#policy.config;
    return refusal(asked.method, fields, allowBrowsers);
  }

  #turnAway(refused: Refusal): Response {
    const answer = ownAnswer(refused);
    if (refused.status !== STATUS_CODE.LoopDetected) {
      this.#parts.meters?.refused(refused.status);
      return answer;
    }
    // Kept, our connection to ourselves would outlive the wrong rule.
    answer.headers.set("connection", "close");
    return answer;
  }

  #failed(error: unknown, request: Request): Response {
    const { upstream } = this.#parts;
    if (error instanceof UpstreamError) {
      this.#incidents.failed(error, {
        method: request.method,
        target: originTarget(request.url),
      });
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
