/**
 * Where CloudStack's virtual router is at the moment: found once, remembered,
 * looked for again when it stops answering or a lease changes.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";
import type { Log } from "../observe/log.ts";
import { deadline, delay } from "../system/timers.ts";
import {
  discoverRouter,
  type Discovery,
  type FoundRouter,
  leasesChanged,
} from "./discover_router.ts";
import type { NodeView } from "./node_view.ts";

/** CloudStack's metadata is served on the port of HTTP alone. */
const METADATA_PORT = 80;

/**
 * How often lease files are looked at, in milliseconds, and how often the
 * router is looked for while it does not answer.
 */
const LOOK_EVERY_MS = 1_000;

/**
 * The pauses between tries while no router is known, in milliseconds: three
 * tries as in mdproxy4cs, but well within what clients wait.
 */
const PAUSES_MS: readonly number[] = [100, 400];

/** No router is known, and none was found; the message is one line. */
export class NoRouter extends Error {
  /**
   * Makes one.
   *
   * @param device the interface whose router was looked for
   * @param reason why there is none
   */
  constructor(device: string, reason: string) {
    super(`Cannot find the virtual router of "${device}": ${reason}`);
    this.name = "NoRouter";
  }
}

/** What a source is made of. */
export interface RouterSourceOptions {
  /** The node to look at. */
  readonly view: NodeView;
  /** The interface whose DHCP server is the router. */
  readonly device: string;
  /** Told where the router is, and when none is found. */
  readonly log: Log;
  /** The router's port, 80 unless given. */
  readonly port?: number;
  /** How often leases are looked at, in milliseconds; a second unless given. */
  readonly lookEveryMs?: number;
  /** The pauses between tries while none is known, in milliseconds. */
  readonly pausesMs?: readonly number[];
}

/** A search that has found something, now or before. */
type KnownRouter = Discovery & { readonly router: FoundRouter };

/** The router of one interface. */
export class RouterSource {
  /** It may be elsewhere the next time. */
  readonly moves = true;
  readonly #options: Required<RouterSourceOptions>;
  #known: KnownRouter | undefined;
  #reason = "not looked for yet";
  /** The last one known has not answered. */
  #failed = false;
  /** When the leases were looked at last. */
  #checkedAt = -Infinity;
  /** When the router was looked for last. */
  #searchedAt = -Infinity;
  #looking: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** Looks for nothing until it is asked. */
  constructor(options: RouterSourceOptions) {
    this.#options = {
      port: METADATA_PORT,
      lookEveryMs: LOOK_EVERY_MS,
      pausesMs: PAUSES_MS,
      ...options,
    };
  }

  /**
   * Tells where the router is, out of memory but for a look at the lease files
   * once a second. Whoever asks during a search waits for its end.
   *
   * @param timeoutMs how long it may take, in milliseconds
   * @throws {NoRouter} when none is known by then
   */
  async current(timeoutMs: number): Promise<UpstreamAddress> {
    if (this.#looking === undefined && this.#isDue()) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    if (this.#looking !== undefined) await deadline(this.#looking, timeoutMs);
    if (this.#known === undefined) {
      throw new NoRouter(this.#options.device, this.#reason);
    }
    return {
      hostname: this.#known.router.address,
      port: this.#options.port,
    };
  }

  /**
   * Takes note that an address did not answer: it is looked for again before
   * the next answer, at most once a second.
   */
  failed({ hostname }: UpstreamAddress): void {
    if (this.#known?.router.address === hostname) this.#failed = true;
  }

  /** Ends a search that is under way. */
  close(): void {
    this.#closed.abort();
  }

  #isDue(): boolean {
    if (this.#known === undefined) return !this.#closed.signal.aborted;
    const since = this.#failed ? this.#searchedAt : this.#checkedAt;
    return performance.now() - since >= this.#options.lookEveryMs;
  }

  /** Never rejects: those who wait look at what is known then. */
  async #look(): Promise<void> {
    const { view, device, pausesMs, log } = this.#options;
    this.#checkedAt = performance.now();
    try {
      if (this.#known !== undefined) {
        if (this.#failed || await leasesChanged(view, this.#known)) {
          await this.#search();
        }
        return;
      }
      for (const pause of [...pausesMs, undefined]) {
        await this.#search();
        if (this.#known !== undefined || pause === undefined) return;
        await delay(pause, this.#closed.signal);
        if (this.#closed.signal.aborted) return;
      }
    } catch (error) {
      this.#reason = error instanceof Error ? error.message : String(error);
      log.error("cannot look for the virtual router", {
        interface: device,
        error: this.#reason,
      });
    }
  }

  async #search(): Promise<void> {
    const { view, device, log } = this.#options;
    this.#searchedAt = performance.now();
    const found = await discoverRouter(view, device);
    const { router, reason } = found;
    this.#failed = false;
    const before = this.#known?.router;
    if (router === undefined) {
      // Once, for a search that ends in vain does so each time.
      if (reason !== this.#reason) {
        log.warn("no virtual router found", { interface: device, reason });
      }
      // A lease is away for a moment while it is renewed.
      if (before !== undefined) this.#known = { ...found, router: before };
    } else {
      this.#known = { ...found, router };
      if (router.address !== before?.address) {
        log.info(`virtual router ${before === undefined ? "found" : "moved"}`, {
          interface: device,
          address: router.address,
          from: router.from,
        });
      }
    }
    this.#reason = reason;
  }
}
