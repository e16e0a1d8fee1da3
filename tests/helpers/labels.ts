/**
 * Servers inside a namespace that answer every GET with a label, and clients
 * that ask as some user: enough to see where a rule leads whom.
 *
 * @module
 */
import type { Namespace, Spawned } from "./namespace.ts";
import { asUser } from "./node.ts";

/** Debian's own: a shim of another would need its user's home. */
const PYTHON = "/usr/bin/python3";

// socketserver, because http.server looks its own name up, which hangs here.
const SERVER = `
import http.server, socket, socketserver, sys, threading
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
def serve(label, host, port):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(label)))
            self.end_headers()
            self.wfile.write(label.encode())
        def log_message(self, *args):
            pass
    Server.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = Server((host, int(port)), Handler)
    threading.Thread(target=server.serve_forever).start()
for arg in sys.argv[1:]:
    serve(*arg.split(" "))
print("ready", flush=True)
`;

const CLIENT = `
import http.client, sys, time
connection = http.client.HTTPConnection(sys.argv[1], timeout=30)
while True:
    connection.request("GET", sys.argv[2])
    print(connection.getresponse().read().decode(), flush=True)
    time.sleep(0.02)
`;

/**
 * Starts servers in one process and waits until all listen.
 *
 * @param uid who they run as
 * @param servers `LABEL ADDRESS PORT` each
 */
export async function startLabels(
  namespace: Namespace,
  uid: number,
  servers: readonly string[],
): Promise<Spawned> {
  const spawned = namespace.spawn([
    ...asUser(uid),
    ...[PYTHON, "-c", SERVER, ...servers],
  ]);
  await spawned.shows(/^ready$/m);
  return spawned;
}

/**
 * Starts a client that asks again and again over one connection, and writes
 * each answer as a line.
 *
 * @param path what it asks for; its answers are single words
 */
export async function startKeepAlive(
  namespace: Namespace,
  uid: number,
  host: string,
  path = "/",
): Promise<Spawned> {
  const spawned = namespace.spawn([
    ...asUser(uid),
    ...[PYTHON, "-c", CLIENT, host, path],
  ]);
  await spawned.shows(/^[\w-]+\n/);
  return spawned;
}
