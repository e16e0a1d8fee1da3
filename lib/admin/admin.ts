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
  originTarget,
  ownAddresses,
  pathOf,
  type Refusal,
} from "../proxy/admission.ts";
import { ownAnswer } from "../proxy/answer.ts";
import { fieldsOf, type Header, valueOf } from "../proxy/headers.ts";
import { listen, type Listener } from "../proxy/listener.ts";
import { METRICS_TYPE } from "./metrics.ts";
import type { Findings } from "./readiness.ts";

/** What the endpoint shows. */
export interface AdminParts {
  /** Renders what was counted. */
  metrics(): Promise<string>;
  /** Finds out whether the proxy can do its work. */
  readiness(): Promise<Findings>;
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
  const isOwn = ownAddresses();
  const pages: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "/healthz": () => page("ok\n"),
    async "/readyz"() {
      const { isReady, text } = await readiness();
      return page(
        text,
        isReady ? {} : { status: STATUS_CODE.ServiceUnavailable },
      );
    },
    async "/metrics"() {
      return page(await metrics(), { type: METRICS_TYPE });
    },
  };
  return listen(
    address,
    ({ method, url, headers }, { remoteAddr }) => {
      const refused = isOwn(remoteAddr.hostname)
        ? adminRefusal(method, fieldsOf(headers))
        : NO_STRANGERS;
      if (refused !== undefined) {
        const answer = ownAnswer(refused);
        if (refused.status === STATUS_CODE.MethodNotAllowed) {
          answer.headers.set("Allow", ADMIN_METHODS.join(", "));
        }
        return answer;
      }
      const path = pathOf(originTarget(url));
      return Object.hasOwn(pages, path) && pages[path]?.() || ownAnswer({
        status: STATUS_CODE.NotFound,
        reason: `Not found: expected ${Object.keys(pages).join(", ")}`,
      });
    },
    log,
    "--admin",
  );
}

function page(
  text: string,
  { status = 200, type = "text/plain; charset=utf-8" } = {},
): Response {
  const headers = { "Content-Type": type, "Cache-Control": "no-store" };
  return new Response(text, { status, headers });
}

/** Why a request is not answered; `undefined` when it is. */
function adminRefusal(
  method: string,
  headers: readonly Header[],
): Refusal | undefined {
  if (isFromBrowser(headers)) return NO_BROWSERS;
  if (!HOST.test(valueOf(headers, "host") ?? "localhost")) {
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
