/**
 * What goes wrong with requests, as administrators are told of it: seldom,
 * since anybody on the node can cause most of it at will.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { Log, LogWrite } from "../observe/log.ts";
import type { Meters } from "../observe/meters.ts";
import { seldom } from "../observe/seldom.ts";
import type { Refusal } from "./admission.ts";
import { pathOf } from "./target.ts";
import type { UpstreamRequest } from "./upstream/upstream.ts";
import { ClientGone, type UpstreamError } from "./upstream/upstream_error.ts";

/** How many failures of the service are logged in a minute. */
const MOST_FAULTS = 10;

/** Logs and counts for as long as the process lives. */
export class Incidents {
  readonly #log: Log;
  readonly #upstream: string;
  readonly #meters: Meters | undefined;
  readonly #stranger: LogWrite;
  readonly #loop: LogWrite;
  readonly #crowd: LogWrite;
  readonly #http2: LogWrite;
  readonly #fault: LogWrite;
  readonly #ownFault: LogWrite;
  readonly #compressed: LogWrite;

  /**
   * Tells of nothing yet.
   *
   * @param log the log
   * @param upstream the URL of the real service
   * @param meters what is counted, if anybody asks for it
   */
  constructor(log: Log, upstream: string, meters?: Meters) {
    this.#log = log;
    this.#upstream = upstream;
    this.#meters = meters;
    this.#stranger = seldom(log.warn);
    this.#loop = seldom(log.error);
    this.#crowd = seldom(log.warn);
    this.#http2 = seldom(log.info);
    this.#fault = seldom(log.warn, { most: MOST_FAULTS });
    this.#ownFault = seldom(log.error);
    this.#compressed = seldom(log.warn);
  }

  /** Somebody asked who is not this node. */
  stranger(peer: string): void {
    this.#stranger("refused a peer that is not this node", { peer });
  }

  /** A request of the proxy's own came back. */
  loop(): void {
    if (this.#meters !== undefined) this.#meters.loops++;
    this.#loop(
      "a request of this proxy came back to it: the rule must exempt the uid this proxy runs as",
      { uid: Deno.uid() ?? "unknown" },
    );
  }

  /** A request was refused that costs others their turn. */
  refused({ status, reason }: Refusal): void {
    const write = status === STATUS_CODE.HTTPVersionNotSupported
      ? this.#http2
      : this.#crowd;
    write("refused a request", { reason });
  }

  /** The service sent a body compressed that would be rewritten otherwise. */
  compressed({ target }: Pick<UpstreamRequest, "target">): void {
    this.#compressed(
      "the metadata service compressed an answer although identity was asked for: it passes unchanged and may name the real region",
      { target: pathOf(target) },
    );
  }

  /** The service failed a request, or its client left. */
  failed(
    error: UpstreamError | ClientGone,
    { method, target }: Pick<UpstreamRequest, "method" | "target">,
  ): void {
    const asked = { method, target: pathOf(target) };
    if (error instanceof ClientGone) {
      this.#log.debug(`dropped a client that ${error.did}`, asked);
      return;
    }
    this.#meters?.failed(error.fault);
    this.#fault("the metadata service failed", {
      upstream: this.#upstream,
      fault: error.message,
      ...asked,
    });
  }

  /** The proxy made a mistake; told by its kind, its message may hold anything. */
  mistake(error: unknown): void {
    this.#ownFault("cannot forward a request", {
      error: error instanceof Error ? error.name : typeof error,
    });
  }
}
