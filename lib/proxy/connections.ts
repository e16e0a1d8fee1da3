/**
 * The connections to the upstream: those in use, and those kept for later.
 *
 * @module
 */
import type { UpstreamAddress } from "../config/serve_config.ts";
import { Connection } from "./connection.ts";
import { unreachable, UpstreamError } from "./upstream_error.ts";
import { after } from "../system/timers.ts";

/** Idle connections kept for later. */
const MAX_IDLE = 64;

/** Opens connections and keeps them. */
export class Connections {
  readonly #open = new Set<Connection>();
  /** By address, the one used last at the end. */
  readonly #idle = new Map<string, Connection[]>();
  #closed = false;

  /**
   * Takes a connection that was kept.
   *
   * @param address where it leads
   */
  take(address: UpstreamAddress): Connection | undefined {
    const connection = this.#idle.get(nameOf(address))?.pop();
    connection?.wake();
    return connection;
  }

  /**
   * Makes a connection.
   *
   * @param address where to
   * @param timeoutMs how long that may take, in milliseconds
   * @throws {UpstreamError} when there is none by then
   */
  async open(
    address: UpstreamAddress,
    timeoutMs: number,
  ): Promise<Connection> {
    const abort = new AbortController();
    const inTime = after(timeoutMs, () => abort.abort());
    try {
      const connection = await Connection.open(address, abort.signal);
      if (this.#closed) {
        connection.close();
        throw new Error("the proxy is stopping");
      }
      this.#open.add(connection);
      return connection;
    } catch (error) {
      throw abort.signal.aborted
        ? new UpstreamError("late", "no connection")
        : unreachable(error);
    } finally {
      inTime();
    }
  }

  /** Keeps a connection on which nothing is asked any more. */
  keep(address: UpstreamAddress, connection: Connection): void {
    // It may have been dropped between its last byte and now.
    if (!this.#open.has(connection)) return;
    const name = nameOf(address);
    const idle = this.#idle.get(name) ?? [];
    if (idle.length >= MAX_IDLE || connection.hasUnread) {
      this.drop(connection);
      return;
    }
    this.#idle.set(name, idle);
    idle.push(connection);
    connection.rest(() => {
      idle.splice(idle.indexOf(connection), 1);
      this.drop(connection);
    });
  }

  /** Closes the connections to an address that are kept for later. */
  dropIdle(address: UpstreamAddress): void {
    const idle = this.#idle.get(nameOf(address))?.splice(0) ?? [];
    for (const connection of idle) this.drop(connection);
  }

  /** Closes a connection. */
  drop(connection: Connection): void {
    this.#open.delete(connection);
    connection.close();
  }

  /** Closes every connection, and those that are still being made. */
  close(): void {
    this.#closed = true;
    this.#idle.clear();
    for (const connection of this.#open) this.drop(connection);
  }
}

function nameOf({ hostname, port }: UpstreamAddress): string {
  return `${hostname} ${port}`;
}
