/**
 * A client that asks for an answer and leaves it unread.
 *
 * @module
 */

/**
 * The client took no more of its answer. That is no failure of the upstream,
 * and nothing that an administrator need hear of: any local user can do it.
 */
export class ClientStalled extends Error {
  /** Makes the error. */
  constructor() {
    super("the client stopped reading");
    this.name = "ClientStalled";
  }
}
