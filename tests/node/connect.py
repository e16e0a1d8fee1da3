"""A cluster's HTTP proxy, as far as pulls use it: CONNECT, and nothing else.

    connect.py HOST:PORT
"""
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Connect(BaseHTTPRequestHandler):
    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        try:
            other = socket.create_connection((host, int(port)))
        except OSError as error:
            self.send_error(502, str(error))
            return
        self.send_response(200)
        self.end_headers()
        up = threading.Thread(target=copy, args=(self.connection, other))
        up.start()
        copy(other, self.connection)
        up.join()
        self.close_connection = True

    def log_message(self, *_):
        pass


def copy(one, other):
    while data := one.recv(65536):
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)


host, _, port = sys.argv[1].rpartition(":")
server = ThreadingHTTPServer((host, int(port)), Connect)
print("ready", flush=True)
server.serve_forever()
