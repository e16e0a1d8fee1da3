"""Clients that ask without a break and tell of whatever is not as it should be.

First, while nothing redirects them, they learn what the service says, and
print "learned". At SIGUSR1 they begin, at SIGTERM they end and print how many
requests of each went well. Whatever does not is one line of JSON: from `from`
to `to`, in milliseconds since 1970, must lie what made it so.
"""
import collections
import http.client
import json
import random
import signal
import sys
import threading
import time

HOST = "169.254.169.254"
REAL, EMULATED, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3])
PATHS = [
    "/latest/meta-data/placement/region",
    "/latest/meta-data/placement/availability-zone",
    "/latest/dynamic/instance-identity/document",
    "/latest/user-data",
    "/latest/meta-data/nothing",
]
TOKEN = "/latest/api/token"
TTL = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}

PATIENCE = 8
PAUSE = 0.02

expected = {}
tally = collections.Counter()
lock = threading.Lock()
going = threading.Event()
over = threading.Event()


def now():
    return time.time() * 1000


class Client:
    """Asks one thing after another, on new connections or on kept ones."""

    def __init__(self, name, kept, with_token, seed):
        self.name, self.kept, self.with_token = name, kept, with_token
        self.random = random.Random(seed)
        self.connection = None
        self.token = None
        # When the connection was last well.
        self.well = 0

    def note(self, what):
        with lock:
            tally[f"{self.name}: {what}"] += 1

    def tell(self, what, path, start):
        line = {"client": self.name, "what": what, "path": path}
        line.update({"from": start, "to": now()})
        with lock:
            print(json.dumps(line), flush=True)

    def drop(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, headers):
        """Status and body, or nothing once what went wrong is told."""
        before = now()
        fault, since = "refused", before
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(HOST, timeout=PATIENCE)
                self.connection.connect()
                self.well = now()
            fault, since = "lost", self.well
            self.connection.request(method, path, headers=headers)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, TimeoutError):
                fault, since = "late", before
            self.drop()
            return self.tell(fault, path, since)
        self.well = now()
        if answer.will_close or not self.kept:
            self.drop()
        return answer.status, body

    def once(self):
        before = now()
        if self.with_token and self.token is None:
            got = self.ask("PUT", TOKEN, TTL)
            if got is not None and got[0] == 200:
                self.token = got[1].decode()
            elif got is not None:
                self.tell(f"status {got[0]}", TOKEN, before)
            return
        token = {"X-aws-ec2-metadata-token": self.token} if self.with_token else {}
        path = self.random.choice(PATHS)
        got = self.ask("GET", path, token)
        shown, real = expected[path]
        if got == shown:
            self.note("well")
        elif got is not None and got[0] == 401 and self.with_token:
            # Where the service was restarted, it has forgotten its tokens.
            self.note("token renewed")
            self.token = None
        elif got == real:
            self.tell("real", path, before)
        elif got is not None:
            wrong = got[0] == shown[0]
            self.tell("wrong" if wrong else f"status {got[0]}", path, before)

    def run(self):
        going.wait()
        while not over.is_set():
            self.once()
            time.sleep(PAUSE * self.random.random() * 2)
        self.drop()


def learn():
    service = http.client.HTTPConnection(HOST, timeout=PATIENCE)
    for path in PATHS:
        service.request("GET", path)
        answer = service.getresponse()
        status, real = answer.status, answer.read()
        shown = real
        if "/placement/" in path or "/dynamic/" in path:
            shown = real.replace(REAL.encode(), EMULATED.encode())
            assert shown != real, path
        expected[path] = (status, shown), (status, real)
    service.close()


learn()
KINDS = [
    ("kept connections", True, False),
    ("kept connections, IMDSv2", True, True),
    ("new connections", False, False),
    ("new connections, IMDSv2", False, True),
]
clients = [Client(*kind, SEED + n) for n, kind in enumerate(KINDS * 2)]
threads = [threading.Thread(target=client.run) for client in clients]
for thread in threads:
    thread.start()
signal.signal(signal.SIGUSR1, lambda *_: going.set())
signal.signal(signal.SIGTERM, lambda *_: over.set())
print("learned", flush=True)
while not over.is_set():
    time.sleep(0.02)
going.set()
for thread in threads:
    thread.join()
print(json.dumps(tally), flush=True)
