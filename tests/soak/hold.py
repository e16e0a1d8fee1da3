"""Opens connections and keeps them: every other one with half a head on it."""
import signal
import socket
import sys

held = []
for number in range(int(sys.argv[1])):
    try:
        connection = socket.create_connection(("169.254.169.254", 80), timeout=2)
        if number % 2 == 1:
            connection.sendall(b"GET /latest/meta-data/ HTTP/1.1\r\nHost: ")
    except OSError:
        continue
    held.append(connection)
print("held", len(held), flush=True)
signal.pause()
