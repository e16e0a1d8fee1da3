/**
 * How many descriptors the proxy may have where a manifest can say so.
 *
 * @module
 */

/**
 * The most descriptors: nothing else bounds how many connections clients hold
 * open. With a head begun, each takes 18 KB, so that all take 300 MB; the
 * kernel's own limit may be a million.
 */
export const MAX_DESCRIPTORS = 16_384;
