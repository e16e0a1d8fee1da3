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

/** The places of one proxy. */
export class Places {
  readonly #look: Look | undefined;
  readonly #clients = new Map<string, Client>();
  /** The places of those who were looked up. */
  readonly #ofUser = new Map<number | undefined, number>();
  #taken = 0;
  #looked: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;

  /**
   * Every place is free.
   *
   * @param look tells who asks; without it all users are one, who may take
   * every place
   */
  constructor(look?: Look) {
    this.#look = look;
  }

  /** How many places are taken. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes a place for a request. Where many are taken, that waits until it is
   * known who asks, a fifth of a second and a look at the socket table.
   *
   * @param end the client's end of the connection
   * @returns what gives it back, or why there is none
   */
  take(end: SocketEnd): Leave | Refusal | Promise<Leave | Refusal> {
    const key = nameOf(end);
    const client = this.#clients.get(key) ?? { requests: 0, places: 0 };
    if (client.requests >= MAX_OF_A_CONNECTION) return NO_HTTP2;
    client.requests++;
    this.#clients.set(key, client);
    return this.#taken < MAX_OF_A_USER
      ? this.#enter(key, client)
      : this.#enterCrowd(key, client);
  }

  async #enterCrowd(key: string, client: Client): Promise<Leave | Refusal> {
    if (client.owner === undefined && this.#look !== undefined) {
      await (this.#nextLook ??= this.#lookAround(this.#look));
    }
    const refused = this.#refusal(client);
    if (refused === undefined) return this.#enter(key, client);
    this.#leave(key, client);
    return refused;
  }

  /** Why there is no place; whoever holds no socket any more is one user. */
  #refusal({ owner }: Client): Refusal | undefined {
    if (this.#taken >= MAX_IN_FLIGHT) return TOO_MANY;
    if (owner === undefined || owner.uid === 0) return undefined;
    if ((this.#ofUser.get(owner.uid) ?? 0) >= MAX_OF_A_USER) {
      return TOO_MANY_OF_A_USER;
    }
    return this.#taken >= MAX_IN_FLIGHT - KEPT_FOR_ROOT ? TOO_MANY : undefined;
  }

  #enter(key: string, client: Client): Leave {
    this.#count(client, 1);
    return () => {
      this.#count(client, -1);
      this.#leave(key, client);
    };
  }

  #count(client: Client, more: 1 | -1): void {
    this.#taken += more;
    client.places += more;
    if (client.owner !== undefined) this.#add(client.owner.uid, more);
  }

  #add(uid: number | undefined, places: number): void {
    const sum = (this.#ofUser.get(uid) ?? 0) + places;
    if (sum > 0) this.#ofUser.set(uid, sum);
    else this.#ofUser.delete(uid);
  }

  #leave(key: string, client: Client): void {
    if (--client.requests === 0) this.#clients.delete(key);
  }

  /** Looks up everyone who is not known, once at a time. */
  async #lookAround(look: Look): Promise<void> {
    await this.#looked;
    this.#nextLook = undefined;
    // Whoever comes from now on may be too late for this look.
    const clients = [...this.#clients].filter(([, { owner }]) => !owner);
    const found = look().catch(() => undefined);
    this.#looked = found.then(() => delay(LOOK_MS));
    const owners = await found;
    if (owners === undefined) return;
    for (const [key, client] of clients) {
      client.owner = { uid: owners.get(key) };
      this.#add(client.owner.uid, client.places);
    }
  }
}
