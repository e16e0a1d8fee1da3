"""Many clients of one server in one process of their own.

Arguments: host, port, a whole request (hex) for those who ask at once. Each
line of standard input is one order, each line of standard output what came of
it, as JSON.
"""
import collections, json, resource, select, socket, struct, sys, time

host, port, request = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
crowd = []

# One in so many asks, so that no queue of the listener overflows.
ASKS = 100


def connect(count):
    for number in range(1, int(count) + 1):
        client = socket.create_connection((host, port), timeout=30)
        crowd.append(client)
        if number % ASKS == 0:
            client.sendall(request)
            client.recv(65536)
    return len(crowd)


def send(data=""):
    sent = 0
    for client in crowd:
        try:
            client.sendall(bytes.fromhex(data))
            sent += 1
        except OSError:
            pass
    return sent


def answers(milliseconds, enough):
    """What each got next: a status, "closed", or "nothing" in that time."""
    others = max(0, len(crowd) - float(enough))
    end = time.monotonic() + int(milliseconds) / 1000
    waiting = {client.fileno(): client for client in crowd}
    poll = select.poll()
    for number in waiting:
        poll.register(number, select.POLLIN)
    tally = collections.Counter()
    while len(waiting) > others and time.monotonic() < end:
        for number, _ in poll.poll(max(1, (end - time.monotonic()) * 1000)):
            client = waiting.pop(number)
            poll.unregister(number)
            try:
                data = client.recv(65536)
            except OSError:
                data = b""
            tally[data[9:12].decode() if data else "closed"] += 1
    if waiting:
        tally["nothing"] = len(waiting)
    return tally


def close(how):
    for client in crowd:
        if how == "half":
            client.shutdown(socket.SHUT_WR)
            continue
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.close()
    if how != "half":
        crowd.clear()
    return 0


orders = {"connect": connect, "send": send, "answers": answers, "close": close}
for line in sys.stdin:
    order, *rest = line.split()
    print(json.dumps(orders[order](*rest)), flush=True)
