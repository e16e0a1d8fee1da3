/**
 * Where the upstream is: at a fixed address, or wherever something that looks
 * for it has found it last.
 *
 * @module
 */
import type { UpstreamAddress } from "../../config/serve_config.ts";

/** Tells where the upstream is. */
export interface UpstreamSource {
  /** Whether it may be elsewhere the next time. */
  readonly moves: boolean;
  /**
   * Where it is at the moment.
   *
   * @param timeoutMs how long it may take to find out, in milliseconds
   * @throws {Error} when that is not known by then; the message is one line
   */
  current(timeoutMs: number): Promise<UpstreamAddress>;
  /** Is told that there was no connection to an address. */
  failed(address: UpstreamAddress): void;
  /** Ends a search that is under way. */
  close(): void;
}

/** A source for an upstream that never moves. */
export function fixedSource(address: UpstreamAddress): UpstreamSource {
  return {
    moves: false,
    current: () => Promise.resolve(address),
    failed: () => {},
    close: () => {},
  };
}
