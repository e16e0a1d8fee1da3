/**
 * How long iptables waits for the xtables lock, in seconds, as `-w` takes it.
 * Some versions wait for ever all the same, so the runner has a time limit of
 * its own, twice as long.
 */
export const LOCK_WAIT_S = 5;
