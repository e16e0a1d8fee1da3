"""Asks for a path as a program of a node does, and writes down what it saw.

    reader.py NAME PATH            until it is answered, which it prints
    reader.py NAME PATH --forever  again and again, repeats left out
"""
import http.client
import os
import sys
import time

name, path, *forever = sys.argv[1:]


def ask(method, path, header, value):
    service = http.client.HTTPConnection("169.254.169.254", timeout=60)
    fields = {f"X-aws-ec2-metadata-{header}": value, "User-Agent": name}
    service.request(method, path, headers=fields)
    answer = service.getresponse()
    text = answer.read().decode()
    service.close()
    return text if answer.status == 200 else f"status {answer.status}"


def see():
    try:
        token = ask("PUT", "/latest/api/token", "token-ttl-seconds", "60")
        return ask("GET", path, "token", token)
    except (OSError, http.client.HTTPException) as error:
        return f"({type(error).__name__})"


os.makedirs("/var/lib/readers", exist_ok=True)
with open(f"/var/lib/readers/{name}", "a", buffering=1) as log:
    last = None
    while True:
        seen = see()
        if seen != last:
            log.write(f"{seen}\n")
            last = seen
        if not forever and not seen.startswith(("(", "status")):
            print(seen)
            break
        time.sleep(0.05)
