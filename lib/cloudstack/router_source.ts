/**
 * Where CloudStack's virtual router is at the moment: found once, remembered,
 * looked for again when it stops answering or a lease changes.
 *
 * @module
 */
import { messageOf } from "../cli/message.ts";
import type { UpstreamAddress } from "../config/serve_config.ts";
import type { Log } from "../system/log.ts";
import { deadline, delay } from "../system/timers.ts";
import {
  discoverRouter,
  type FoundRouter,
  type NodeView,
} from "./discover_router.ts";

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

/** The router of one interface. */
export class RouterSource {
  readonly #view: NodeView;
  readonly #device: string;
  readonly #log: Log;
  #router: FoundRouter | undefined;
  /** Why the last search found none. */
  #reason = "not looked for yet";
  /** Whether leases have changed since the last search. */
  #leasesChanged = () => true;
  /** The router has not answered. */
  #failed = false;
  /** When the leases were looked at last. */
  #checkedAt = -Infinity;
  /** When the router was looked for last. */
  #searchedAt = -Infinity;
  #looking: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /**
   * Looks for nothing until it is asked.
   *
   * @param view the node to look at
   * @param device the interface whose DHCP server is the router
   * @param log told where the router is, and when none is found
   */
  constructor(view: NodeView, device: string, log: Log) {
    this.#view = view;
    this.#device = device;
    this.#log = log;
  }

  /**
   * Tells where the router is, out of memory but for a look at the lease files
   * once a second. Whoever asks during a search waits for its end.
   *
   * @param timeoutMs how long it may take, in milliseconds
   * @throws {Error} when none is known by then; the message is one line
   */
  async current(timeoutMs: number): Promise<UpstreamAddress> {
    if (this.#isDue()) {
      this.#looking ??= this.#look().finally(() => this.#looking = undefined);
    }
    if (this.#looking !== undefined) await deadline(this.#looking, timeoutMs);
    if (this.#router === undefined) {
      throw new Error(
        `Cannot find the virtual router of "${this.#device}": ${this.#reason}`,
      );
    }
    return { hostname: this.#router.address, port: METADATA_PORT };
  }

  /**
   * Takes note that an address did not answer: it is looked for again before
   * the next answer, at most once a second.
   */
  failed({ hostname }: UpstreamAddress): void {
    if (this.#router?.address === hostname) this.#failed = true;
  }

  /** Ends a search that is under way. */
  close(): void {
    this.#closed.abort();
  }

  #isDue(): boolean {
    if (this.#closed.signal.aborted) return false;
    if (this.#router === undefined) return true;
    const since = this.#failed ? this.#searchedAt : this.#checkedAt;
    return performance.now() - since >= LOOK_EVERY_MS;
  }

  /** Never rejects: those who wait look at what is known then. */
  async #look(): Promise<void> {
    this.#checkedAt = performance.now();
    try {
      const isKnown = this.#router !== undefined && !this.#failed;
      if (isKnown && !this.#leasesChanged()) return;
      for (const pause of [0, ...PAUSES_MS]) {
        await delay(pause, this.#closed.signal);
        if (this.#closed.signal.aborted) return;
        await this.#search();
        if (this.#router !== undefined) return;
      }
    } catch (error) {
      this.#reason = messageOf(error);
      this.#log.error("cannot look for the virtual router", {
        interface: this.#device,
        error: this.#reason,
      });
    }
  }

  /** A router that is found no more stays: a lease may be under renewal. */
  async #search(): Promise<void> {
    const device = this.#device;
    this.#searchedAt = performance.now();
    const { router, reason, leasesChanged } = await discoverRouter(
      this.#view,
      device,
    );
    this.#failed = false;
    this.#leasesChanged = leasesChanged;
    if (router === undefined) {
      // Once, for a search that ends in vain does so each time.
      if (reason !== this.#reason) {
        this.#log.warn("no virtual router found", {
          interface: device,
          reason,
        });
      }
    } else if (router.address !== this.#router?.address) {
      const verb = this.#router === undefined ? "found" : "moved";
      this.#log.info(`virtual router ${verb}`, {
        interface: device,
        ...router,
      });
    }
    this.#router = router ?? this.#router;
    this.#reason = reason;
  }
}
