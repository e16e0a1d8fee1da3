/**
 * The places for requests in flight, and who may take one: no user takes those
 * of the others.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import {
  nameOf,
  type Owners,
  type SocketEnd,
} from "../system/socket_owners.ts";
import { delay } from "../system/timers.ts";
import { NO_HTTP2, type Refusal } from "./admission.ts";

/** The most requests at one time; more are answered 503. */
export const MAX_IN_FLIGHT = 1_024;

/** The most requests of one user at one time, root aside. */
export const MAX_OF_A_USER = MAX_IN_FLIGHT / 4;

/** The places that only root takes: the node's own agents run as root. */
const KEPT_FOR_ROOT = 64;

/**
 * The most requests at one time on one connection. HTTP/1.1 has one; a port may
 * be used again while requests of its last user are still in flight.
 */
const MAX_OF_A_CONNECTION = 4;

/** The least time between two looks at who asks, in milliseconds. */
const LOOK_MS = 200;

/**
 * The age in milliseconds at which what was seen is looked up again. It holds
 * for twice as long, so that a client that asks again on its connection does not
 * wait for the new look. A port that another user took meanwhile counts as its
 * last user's until then.
 */
const SEEN_MS = 1_000;

/** There is no place left. */
export const TOO_MANY: Refusal = {
  status: STATUS_CODE.ServiceUnavailable,
  reason: `Too many requests at one time: limit ${MAX_IN_FLIGHT}`,
};

/** There is no place left for this user. */
export const TOO_MANY_OF_A_USER: Refusal = {
  status: STATUS_CODE.ServiceUnavailable,
  reason: `Too many requests of one user at one time: limit ${MAX_OF_A_USER}`,
};

/** Tells who asks, as {@linkcode Owners}; `undefined` where it cannot. */
export type Look = () => Promise<Owners | undefined>;

/** A connection with requests under way. */
interface Client {
  /** How many requests are under way on it, those that wait included. */
  requests: number;
  /** How many of them have a place. */
  places: number;
  /** Whether it was looked up, and if so, who holds it. */
  owner?: { readonly uid: number | undefined };
}

/** Gives a place back; called once. */
export type Leave = () => void;

/**
 * Takes a place for a request. Where many are taken, that waits until it is
 * known who asks, a fifth of a second and a look at the socket table.
 *
 * @param end the client's end of the connection
 * @returns what gives it back, or why there is none
 */
export type TakePlace = (
  end: SocketEnd,
) => Leave | Refusal | Promise<Leave | Refusal>;

/**
 * The places of one proxy, all of them free.
 *
 * @param look tells who asks; without it all users are one, who may take
 * every place
 */
export function places(look?: Look): TakePlace {
  const clients = new Map<string, Client>();
  /** The places of those who were looked up. */
  const ofUser = new Map<number | undefined, number>();
  let taken = 0;
  let looked: Promise<void> = Promise.resolve();
  let thisLook: Promise<boolean> | undefined;
  let nextLook: Promise<boolean> | undefined;
  let seen: Owners = new Map();
  let seenAt = -Infinity;

  return (end) => {
    const key = nameOf(end);
    const client = clients.get(key) ?? { requests: 0, places: 0 };
    if (client.requests >= MAX_OF_A_CONNECTION) return NO_HTTP2;
    client.requests++;
    clients.set(key, client);
    if (client.owner === undefined) recognise(key, client);
    return taken < MAX_OF_A_USER ? enter(key, client) : enterCrowd(key, client);
  };

  async function enterCrowd(
    key: string,
    client: Client,
  ): Promise<Leave | Refusal> {
    if (look !== undefined) {
      const isOld = performance.now() - seenAt >= SEEN_MS;
      if (isOld && thisLook === undefined) nextLook ??= lookAround(look);
      if (client.owner === undefined) await identify(client, look);
    }
    const refused = refusalOf(client);
    if (refused === undefined) return enter(key, client);
    leave(key, client);
    return refused;
  }

  /** Where the last look tells whose it is, it counts as theirs. */
  function recognise(key: string, client: Client): void {
    const isThere = seen.has(key) && performance.now() < seenAt + 2 * SEEN_MS;
    if (isThere) setOwner(key, client);
  }

  async function identify(client: Client, look: Look): Promise<void> {
    // The look under way may have begun too early to see this client.
    if (thisLook !== undefined && !await thisLook) return;
    if (client.owner === undefined) await (nextLook ??= lookAround(look));
  }

  /** Why there is no place; whoever holds no socket any more is one user. */
  function refusalOf({ owner }: Client): Refusal | undefined {
    if (taken >= MAX_IN_FLIGHT) return TOO_MANY;
    if (owner === undefined || owner.uid === 0) return undefined;
    if ((ofUser.get(owner.uid) ?? 0) >= MAX_OF_A_USER) {
      return TOO_MANY_OF_A_USER;
    }
    return taken >= MAX_IN_FLIGHT - KEPT_FOR_ROOT ? TOO_MANY : undefined;
  }

  function enter(key: string, client: Client): Leave {
    count(client, 1);
    return () => {
      count(client, -1);
      leave(key, client);
    };
  }

  function count(client: Client, more: 1 | -1): void {
    taken += more;
    client.places += more;
    if (client.owner !== undefined) add(client.owner.uid, more);
  }

  function add(uid: number | undefined, more: number): void {
    const sum = (ofUser.get(uid) ?? 0) + more;
    if (sum > 0) ofUser.set(uid, sum);
    else ofUser.delete(uid);
  }

  function leave(key: string, client: Client): void {
    if (--client.requests === 0) clients.delete(key);
  }

  function setOwner(key: string, client: Client): void {
    client.owner = { uid: seen.get(key) };
    add(client.owner.uid, client.places);
  }

  /** Looks up everyone who is not known, once at a time; tells whether it could. */
  async function lookAround(look: Look): Promise<boolean> {
    await looked;
    thisLook = nextLook;
    nextLook = undefined;
    const present = new Set(clients.values());
    const found = look().catch(() => undefined);
    looked = found.then(() => delay(LOOK_MS));
    const owners = await found;
    thisLook = undefined;
    if (owners === undefined) return false;
    seen = owners;
    seenAt = performance.now();
    for (const [key, client] of clients) {
      // Whoever came meanwhile may have been too late for this look.
      const isKnown = client.owner !== undefined;
      if (!isKnown && (present.has(client) || seen.has(key))) {
        setOwner(key, client);
      }
    }
    return true;
  }
}
