/**
 * The session tokens of IMDSv2.
 *
 * @module
 */

/**
 * The longest a token may hold: six hours, in seconds.
 *
 * @see {@link https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html}
 */
const MAX_TOKEN_TTL = 21_600;

/** How many tokens are kept; the oldest goes first. */
const CAPACITY = 4_096;

/** What every token of the service begins with: `AQAEA…` in base64. */
const PREFIX = [1, 0, 4, 0];

/** A token is 40 bytes, so that its base64 ends in `==`. */
const TOKEN_BYTES = 40;

/**
 * Reads the lifetime a client asks for.
 *
 * @param text the header's value, where there was one
 * @returns seconds, 1 to {@linkcode MAX_TOKEN_TTL}; `undefined` otherwise
 */
export function parseTokenTtl(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const ttl = Number(text);
  return ttl >= 1 && ttl <= MAX_TOKEN_TTL ? ttl : undefined;
}

/** Issues tokens and knows which still hold. */
export class TokenStore {
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #expiries = new Map<string, number>();

  /**
   * Begins empty.
   *
   * @param now the clock, in milliseconds
   * @param capacity how many tokens are kept at most
   */
  constructor(now: () => number, capacity = CAPACITY) {
    this.#now = now;
    this.#capacity = capacity;
  }

  /** How many tokens are kept. */
  get size(): number {
    return this.#expiries.size;
  }

  /**
   * Makes a token in the form of the service's own: base64url, 56 characters.
   *
   * @param ttl how long it holds, in seconds
   */
  issue(ttl: number): string {
    this.#makeRoom();
    const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    bytes.set(PREFIX);
    const token = btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-").replaceAll("/", "_");
    this.#expiries.set(token, this.#now() + ttl * 1_000);
    return token;
  }

  /**
   * How long a token still holds.
   *
   * @param token the token as the client sent it
   * @returns whole seconds, rounded up; 0 for an expired or unknown one
   */
  remaining(token: string): number {
    const expiry = this.#expiries.get(token) ?? 0;
    return Math.max(0, Math.ceil((expiry - this.#now()) / 1_000));
  }

  #makeRoom(): void {
    if (this.#expiries.size < this.#capacity) return;
    for (const token of this.#expiries.keys()) {
      if (this.remaining(token) === 0) this.#expiries.delete(token);
    }
    // A map keeps the order of insertion: its first key is its oldest.
    for (const token of this.#expiries.keys()) {
      if (this.#expiries.size < this.#capacity) return;
      this.#expiries.delete(token);
    }
  }
}
