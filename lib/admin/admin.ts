/**
 * The administrators' endpoint: how the process, its upstream and its rule
 * fare. It forwards nothing, and nothing of it can be had elsewhere.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { ListenAddress } from "../config/serve_config.ts";
import type { Log } from "../observe/log.ts";
import { ownAnswer } from "../proxy/answer.ts";
import { Fields } from "../proxy/headers.ts";
import { Listener } from "../proxy/listener.ts";
import { OwnAddresses } from "../proxy/peers.ts";
import { originTarget, pathOf } from "../proxy/target.ts";
import { ADMIN_METHODS, adminRefusal } from "./gate.ts";
import type { Metrics } from "./metrics.ts";
import { type Readiness, renderFindings } from "./readiness.ts";

/** What the endpoint tells of. */
export interface AdminParts {
  /** What was counted. */
  readonly metrics: Pick<Metrics, "contentType" | "render">;
  /** Whether the proxy can do its work. */
  readonly readiness: Readiness;
  /** The log. */
  readonly log: Log;
}

/** Plain text, whatever stands in it. */
const TEXT = "text/plain; charset=utf-8";

/**
 * Listens.
 *
 * @param address where
 * @param parts what it tells of
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
    "/metrics": async () =>
      page(STATUS_CODE.OK, await metrics.render(), metrics.contentType),
  };
  return new Listener(
    address,
    async ({ method, url, headers }, { remoteAddr }) => {
      if (!own.includes(remoteAddr.hostname)) {
        return ownAnswer({
          status: STATUS_CODE.Forbidden,
          reason: "Only this node itself may ask",
        });
      }
      const path = pathOf(originTarget(url));
      const open = Object.hasOwn(pages, path) ? pages[path] : undefined;
      const refused = adminRefusal(method, new Fields(headers));
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
