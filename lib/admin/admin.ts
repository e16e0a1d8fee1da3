/**
 * The administrators' endpoint: the state of the process, its upstream and its
 * rule. It forwards nothing, and the proxy answers nothing of it.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { ListenAddress } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import {
  isFromBrowser,
  NO_BROWSERS,
  NO_STRANGERS,
  OwnAddresses,
  type Refusal,
} from "../proxy/admission.ts";
import { ownAnswer } from "../proxy/answer.ts";
import { fieldsOf, type Header, valueOf } from "../proxy/headers.ts";
import { Listener } from "../proxy/listener.ts";
import { originTarget, pathOf } from "../proxy/request.ts";
import { METRICS_TYPE } from "./metrics.ts";
import { type Readiness, renderFindings } from "./readiness.ts";

/** What the endpoint shows. */
export interface AdminParts {
  /** Renders what was counted. */
  metrics(): string;
  /** Whether the proxy can do its work. */
  readonly readiness: Readiness;
  /** The log. */
  readonly log: Log;
}

/** The methods of the endpoint. */
const ADMIN_METHODS: readonly string[] = ["GET", "HEAD"];

/**
 * The Host headers that are accepted. A page in a browser can have a name that
 * resolves to loopback (DNS rebinding), and nothing else gives its requests
 * away.
 */
const HOST = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/** Plain text, whatever stands in it. */
const TEXT = "text/plain; charset=utf-8";

/**
 * Opens the endpoint.
 *
 * @param address where
 * @param parts what it shows
 * @throws {Error} when the address cannot be had
 */
export function openAdmin(
  address: ListenAddress,
  { metrics, readiness, log }: AdminParts,
): Listener {
  const own = new OwnAddresses();
  const pages: Readonly<Record<string, () => Promise<Response>>> = {
    "/healthz": () => Promise.resolve(page(STATUS_CODE.OK, "ok\n")),
    async "/readyz"() {
      const findings = await readiness.look();
      const isReady = findings.every(({ fault }) => fault === undefined);
      return page(
        isReady ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable,
        renderFindings(findings),
      );
    },
    "/metrics": () =>
      Promise.resolve(page(STATUS_CODE.OK, metrics(), METRICS_TYPE)),
  };
  return new Listener(
    address,
    async ({ method, url, headers }, { remoteAddr }) => {
      if (!own.includes(remoteAddr.hostname)) {
        return ownAnswer(NO_STRANGERS);
      }
      const path = pathOf(originTarget(url));
      const open = Object.hasOwn(pages, path) ? pages[path] : undefined;
      const refused = adminRefusal(method, fieldsOf(headers));
      if (refused !== undefined) {
        const answer = ownAnswer(refused);
        if (refused.status === STATUS_CODE.MethodNotAllowed) {
          answer.headers.set("Allow", ADMIN_METHODS.join(", "));
        }
        return answer;
      }
      return await open?.() ?? ownAnswer({
        status: STATUS_CODE.NotFound,
        reason: `Not found: expected ${Object.keys(pages).join(", ")}`,
      });
    },
    log,
    "--admin",
  );
}

function page(status: number, text: string, type = TEXT): Response {
  return new Response(text, {
    status,
    headers: { "Content-Type": type, "Cache-Control": "no-store" },
  });
}

/**
 * Decides whether a request is answered.
 *
 * @param method the request's method
 * @param headers its headers
 * @returns why not; `undefined` when it is
 */
export function adminRefusal(
  method: string,
  headers: readonly Header[],
): Refusal | undefined {
  if (isFromBrowser(headers)) return NO_BROWSERS;
  const host = valueOf(headers, "host");
  if (host !== undefined && !HOST.test(host)) {
    return {
      status: STATUS_CODE.Forbidden,
      reason: "Unknown Host header: expected an IP address or localhost",
    };
  }
  if (ADMIN_METHODS.includes(method)) return undefined;
  return {
    status: STATUS_CODE.MethodNotAllowed,
    reason: `Method not allowed: expected ${ADMIN_METHODS.join(", ")}`,
  };
}
