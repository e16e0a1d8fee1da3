/**
 * Whether a peer is this node itself. A redirected connection comes from the
 * node's own address, not from loopback, so loopback alone would be too
 * narrow.
 *
 * @module
 */

/** How long a list of addresses is trusted when a peer is not in it. */
const REFRESH_MS = 100;

/** An address without the forms that only its socket gives it. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "").replace(/%.*$/, "");
}

/** Whether an address never leaves the node. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain.startsWith("127.") || plain === "::1";
}

/** Tells the node's own addresses from others'. */
export class OwnAddresses {
  #known: ReadonlySet<string> = new Set();
  #readAt = -Infinity;
  readonly #read: () => readonly string[];
  readonly #now: () => number;

  /**
   * Knows no address until the first question.
   *
   * @param read lists the addresses of this node's interfaces
   * @param now the clock, in milliseconds
   */
  constructor(
    read: () => readonly string[] = () =>
      Deno.networkInterfaces().map((it) => it.address),
    now: () => number = () => performance.now(),
  ) {
    this.#read = read;
    this.#now = now;
  }

  /** Whether an address is this node's; the list is read anew on a miss. */
  includes(address: string): boolean {
    if (isLoopback(address)) return true;
    const plain = plainAddress(address);
    if (this.#known.has(plain)) return true;
    const now = this.#now();
    if (now - this.#readAt < REFRESH_MS) return false;
    this.#readAt = now;
    this.#known = new Set(this.#read());
    return this.#known.has(plain);
  }
}
