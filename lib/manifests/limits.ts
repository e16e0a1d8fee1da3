/**
 * What the proxy may take of a node, the same in every manifest.
 *
 * @module
 */

/**
 * The most descriptors: nothing else bounds how many connections clients hold
 * open. The kernel's own limit may be a million.
 */
export const MAX_DESCRIPTORS = 16_384;

/**
 * The most memory, in MiB. Idle, parent and child take 56 MiB; with every
 * descriptor a client that has begun its head, 321 MiB; `check` in the
 * container takes 60 MiB more. Only who floods the proxy gets further: then the
 * kernel kills the child, and the rule refuses clients until it is back.
 */
export const MAX_MEMORY_MIB = 512;

/**
 * Last to be killed when the node runs out of memory. Not -1000: with that the
 * kernel has nobody to kill at the limit above, and the proxy hangs.
 */
export const OOM_SCORE: number = -999;
