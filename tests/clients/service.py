"""The metadata service for clients: HTTP by Python, answers by `simulate`.

EC2's own service closes each connection after its answer, so this one does,
unless --keep is given. What a client and this server make of each other stays
here; the question goes to `simulate` anew.

    service.py --tree=URL [--listen=HOST:PORT] [--delay=SECONDS] [--hang=PATH]
               [--keep] [--record] [--hop-limit=N] [--uses=N] [--unready]
"""
import argparse
import collections
import http.client
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import urlsplit

# What belongs to one connection, and so to neither side of the other.
HOP_BY_HOP = {
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--tree", required=True, help="the URL of `simulate`")
parser.add_argument("--listen", default="127.0.0.1:0")
parser.add_argument("--delay", type=float, default=0, help="before each answer")
parser.add_argument("--hang", help="a path that is never answered")
parser.add_argument("--keep", action="store_true", help="keep connections")
parser.add_argument("--record", action="store_true", help="print what is asked")
parser.add_argument("--hop-limit", type=int, help="of the answers to PUT")
parser.add_argument("--uses", type=int, help="for how many paths a token is good")
parser.add_argument(
    "--unready", action="store_true", help="503 to the first use of a token"
)
options = parser.parse_args()

# What Ignition asks for, by a version that nobody else here asks for: it does
# not take other user data.
IGNITION_PATH = "/2019-10-01/user-data"
IGNITION = b'''{"ignition": {"version": "3.3.0"}, "storage": {"files": [
  {"path": "/etc/region", "contents": {"source": "data:,us-east-1"}}
]}}'''

# What each token was shown for. Paths, because a proxy may answer again what it
# was asked a moment ago.
shown = collections.defaultdict(set)


def end_to_end(headers):
    return [(k, v) for k, v in headers.items() if k.lower() not in HOP_BY_HOP]


class Service(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def server_bind(self):
        # http.server would look up its own name in the DNS here.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def refusal(self):
        token = self.headers.get("X-aws-ec2-metadata-token")
        if token is None:
            return None
        paths = shown[token]
        is_first = not paths
        if options.uses and len(paths | {self.path}) > options.uses:
            return 401
        paths.add(self.path)
        return 503 if options.unready and is_first else None

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if options.record:
            # In one piece: others print at the same time.
            by, who = self.headers["Connection"], self.headers["User-Agent"]
            print(f"{self.command} {self.path} {by} {who}\n", end="", flush=True)
        if self.path == options.hang:
            threading.Event().wait()
        time.sleep(options.delay)
        refusal = self.refusal()
        if refusal is not None:
            return self.tell(refusal, None, [], b"")
        tree = http.client.HTTPConnection(urlsplit(options.tree).netloc)
        tree.request(self.command, self.path, body, dict(end_to_end(self.headers)))
        found = tree.getresponse()
        content = found.read()
        tree.close()
        length = found.headers.get("Content-Length", len(content))
        if self.path == IGNITION_PATH and found.status == 200:
            content, length = IGNITION, len(IGNITION)
        if options.hop_limit and self.command == "PUT":
            ttl = (socket.IPPROTO_IP, socket.IP_TTL, options.hop_limit)
            self.connection.setsockopt(*ttl)
        fields = end_to_end(found.headers)
        self.tell(found.status, found.reason, fields, content, length)

    def tell(self, status, reason, fields, content, length=0):
        self.send_response_only(status, reason)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        if not options.keep:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


host, _, port = options.listen.rpartition(":")
service = Service((host, int(port)), Exchange)
print(f"listening on http://{host}:{service.server_port}", flush=True)
service.serve_forever()
