/**
 * What a fault is.
 *
 * @module
 */
import type { What } from "./attribution.ts";
import type { Scene } from "./scene.ts";

/** What a fault tells when it is over. */
export interface Outcome {
  /** When all was well again, in milliseconds since 1970; now unless given. */
  readonly over?: number;
  /** How long the program took to repair it, in milliseconds. */
  readonly repairMs?: number;
}

/** A fault that can be injected. */
export interface Fault {
  /** What it is called. */
  readonly name: string;
  /** What it may do to clients until it is over; nothing for most. */
  readonly allowed: readonly What[];
  /** What it surely does to some: else nobody looked. */
  readonly shows?: What;
  /** How many children die of it. */
  readonly deaths?: number;
  /** Whether it takes so long that only long runs have it. */
  readonly slow?: true;
  /** Whether connections made meanwhile go direct for as long as they last. */
  readonly leavesDirect?: true;
  /**
   * Injects it, and waits until all is well again.
   *
   * @throws {Error} when it does not become so
   */
  readonly inject: (scene: Scene) => Promise<Outcome | void>;
}
