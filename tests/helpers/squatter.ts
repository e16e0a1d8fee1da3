/**
 * A program of another user that takes a port as soon as it is free, reads
 * what comes, and answers there as the proxy would.
 *
 * @module
 */
import type { Namespace, Spawned } from "./namespace.ts";
import { asUser } from "./node.ts";

/** What it answers. */
export const SQUATTER = "squatter";

const PROGRAM = `
import socket, sys, threading, time
port = int(sys.argv[1])
print("waiting", flush=True)
while True:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        break
    except OSError:
        listener.close()
        time.sleep(0.002)
print("took", flush=True)
body = b"${SQUATTER}"
def serve(connection):
    if connection.recv(65536):
        print("read", flush=True)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    connection.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

/** One that waits for the port, or has it. */
export interface Squatter {
  /** Waits until it has the port. */
  took(): Promise<void>;
  /** How many requests it has read. */
  read(): number;
  /** Ends it. */
  kill(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param uid whom it runs as
 */
export async function startSquatter(
  namespace: Namespace,
  uid = 1000,
  port = 4000,
): Promise<Squatter> {
  const spawned: Spawned = namespace.spawn([
    ...asUser(uid),
    ...["/usr/bin/python3", "-c", PROGRAM, String(port)],
  ]);
  await spawned.shows(/^waiting$/m);
  return {
    took: () => spawned.shows(/^took$/m),
    read: () => [...spawned.stdout().matchAll(/^read$/gm)].length,
    kill: () => spawned.kill(),
  };
}
