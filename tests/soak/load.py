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
import re
import signal
import subprocess
import sys
import threading
import time

HOST = "169.254.169.254"
REAL, EMULATED, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3])
PLACEMENT = "/latest/meta-data/placement"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
SHOWN = [
    PLACEMENT + "/region",
    PLACEMENT + "/availability-zone",
    "/latest/dynamic/instance-identity/document",
]
NOTHING = "/latest/meta-data/nothing"
TOKEN = "/latest/api/token"
TIMES = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

PATIENCE = 8
PAUSE = 0.02
# No longer than the test waits after a fault that lets connections go direct:
# those stay direct for as long as they are kept.
KEPT = 1_500

# An answer to the same token may be as old as that.
CACHED = 2_000

expected = {}
tally = collections.Counter()
lock = threading.Lock()
going = threading.Event()
over = threading.Event()


def now():
    return time.time() * 1000


def tell(client, what, start, path, end=None):
    at = now()
    line = {"client": client, "what": what, "path": path}
    line.update({"from": start, "to": end or at, "at": at})
    with lock:
        print(json.dumps(line), flush=True)


def masked(body):
    """Credentials are renewed every hour."""
    return TIMES.sub(b"TIME", body)


def fault_of(path, status, body):
    """What is wrong with an answer; nothing if all is well."""
    right_status, right_body, real_body = expected[path]
    if status != right_status:
        return f"status {status}"
    if masked(body) == right_body:
        return None
    return "real" if masked(body) == real_body else "wrong"


class Connection:
    """One connection, and until when it is known to have been well."""

    def __init__(self):
        self.start = now()
        self.http = http.client.HTTPConnection(HOST, timeout=PATIENCE)
        self.http.connect()
        self.connected = self.well = now()

    def ask(self, method, path, headers):
        self.sent = now()
        self.http.request(method, path, headers=headers)
        answer = self.http.getresponse()
        body = answer.read()
        self.well = now()
        return answer, body


class Client:
    """Asks one thing after another, on new connections or on kept ones."""

    def __init__(self, name, kept, with_token, seed):
        self.name, self.kept, self.with_token = name, kept, with_token
        self.random = random.Random(seed)
        self.connection = None
        self.token = None
        self.token_well = 0

    def drop(self):
        if self.connection is not None:
            self.connection.http.close()
        self.connection = None

    def ask(self, method, path, headers):
        """An answer, or nothing once what went wrong is told."""
        if self.connection is None:
            start = now()
            try:
                self.connection = Connection()
            except TimeoutError:
                return tell(self.name, "late", start, path)
            except OSError:
                return tell(self.name, "refused", start, path)
        connection = self.connection
        try:
            answer, body = connection.ask(method, path, headers)
        except TimeoutError:
            self.drop()
            return tell(self.name, "late", connection.sent, path)
        except (OSError, http.client.HTTPException):
            self.drop()
            return tell(self.name, "lost", connection.well, path)
        old = now() - connection.start > KEPT
        if answer.will_close or not self.kept or old:
            self.drop()
        return connection, answer, body

    def renew(self):
        ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
        answered = self.ask("PUT", TOKEN, ttl)
        if answered is None:
            return
        connection, answer, body = answered
        if answer.status != 200:
            return tell(self.name, f"status {answer.status}", connection.sent, TOKEN)
        if answer.getheader("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "21600":
            return tell(self.name, "wrong", connection.sent, TOKEN)
        self.token, self.token_well = body.decode(), connection.well
        self.well()

    def well(self):
        with lock:
            tally[self.name] += 1

    def once(self):
        if self.with_token and self.token is None:
            return self.renew()
        path = self.random.choice(list(expected))
        token = {"X-aws-ec2-metadata-token": self.token} if self.with_token else {}
        answered = self.ask("GET", path, token)
        if answered is None:
            return
        connection, answer, body = answered
        fault = fault_of(path, answer.status, body)
        if fault is None:
            self.token_well = connection.well
            self.well()
        elif fault == "real":
            # Whom a connection leads to is decided while it is made.
            tell(self.name, fault, connection.start, path, connection.connected)
        elif fault == "status 401" and self.with_token:
            tell(self.name, fault, self.token_well - CACHED, path)
            self.token = None
        else:
            tell(self.name, fault, connection.sent, path)

    def run(self):
        going.wait()
        while not over.is_set():
            self.once()
            time.sleep(PAUSE * self.random.random() * 2)
        self.drop()


class Curl:
    """What scripts on a node do."""

    name = "curl"

    def __init__(self, seed):
        self.random = random.Random(seed)

    def run(self):
        going.wait()
        while not over.is_set():
            path = self.random.choice(list(expected))
            start = now()
            ran = subprocess.run(
                ["curl", "--silent", "--max-time", str(PATIENCE)]
                + ["--write-out", "%{stderr}%{http_code}", f"http://{HOST}{path}"],
                capture_output=True,
            )
            # curl's codes: 7 could not connect, 28 timed out.
            if ran.returncode != 0:
                fault = {7: "refused", 28: "late"}.get(ran.returncode, "lost")
            else:
                fault = fault_of(path, int(ran.stderr), ran.stdout)
            if fault is None:
                with lock:
                    tally[self.name] += 1
            else:
                tell(self.name, fault, start, path)
            time.sleep(0.1)


def learn():
    service = http.client.HTTPConnection(HOST, timeout=PATIENCE)

    def read(path):
        service.request("GET", path)
        answer = service.getresponse()
        return answer.status, masked(answer.read())

    roles = read(CREDENTIALS)[1].decode()
    for path in SHOWN:
        status, body = read(path)
        shown = body.replace(REAL.encode(), EMULATED.encode())
        assert status == 200 and shown != body, path
        expected[path] = status, shown, body
    for path in [CREDENTIALS, CREDENTIALS + roles, "/latest/user-data", NOTHING]:
        status, body = read(path)
        expected[path] = status, body, None
    service.close()


learn()
clients = [
    Client(name, kept, with_token, SEED + 10 * n + number)
    for n, (name, kept, with_token) in enumerate(
        [
            ("kept connections", True, False),
            ("kept connections, IMDSv2", True, True),
            ("new connections", False, False),
            ("new connections, IMDSv2", False, True),
        ]
    )
    for number in range(2)
] + [Curl(SEED)]
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
print(json.dumps({"tally": tally}), flush=True)
