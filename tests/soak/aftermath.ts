/**
 * What a restart of the metadata service still does when it is over.
 *
 * A connection that its server reset stays in conntrack for ten seconds
 * (nf_conntrack_tcp_timeout_close), and a new one from the same port goes where
 * that one went, without a look at the rule. The proxy's own connections go
 * direct: a client that happens to get the port of one that was reset does so,
 * too.
 *
 * @module
 */
import type { Attribution, Injected } from "./attribution.ts";

const NAME = "10 s after metadata service restarted";

/** For so long conntrack keeps what was reset, in milliseconds. */
const KEPT_MS = 10_000;

/**
 * The most connections that may go direct after one restart. About ten are
 * reset, of the 28,232 ports that a thousand connections choose from by then.
 */
const MOST_DIRECT = 5;

/**
 * The time after each restart, in which connections may go direct by chance.
 *
 * @param events what was injected
 */
export function aftermaths(events: readonly Injected[]): Injected[] {
  return events.filter(({ name }) => name === "metadata service restarted")
    .map(({ to }) => ({
      name: NAME,
      allowed: ["real"],
      from: to,
      to: to + KEPT_MS,
    }));
}

/** What went direct too often for chance, one line each. */
export function beyondChance({ explained }: Attribution): string[] {
  return explained.filter(({ fault }) => fault.name === NAME)
    .map(({ failures }) =>
      new Set(failures.map(({ client, from }) => `${client} ${from}`)).size
    )
    .filter((connections) => connections > MOST_DIRECT)
    .map((connections) =>
      `${connections} connections went direct after the service was restarted`
    );
}
