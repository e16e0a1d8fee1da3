"""What bosh-agent asks for, in the words of Go's HTTP client.

https://github.com/cloudfoundry/bosh-agent, infrastructure/http_metadata_service.go
"""
import http.client
import json
import os
from urllib.parse import urlsplit

ENDPOINT = urlsplit(
    os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
)
PATHS = {
    "instance_id": "/latest/meta-data/instance-id",
    "public_key": "/latest/meta-data/public-keys/0/openssh-key",
    "user_data": "/latest/user-data",
    "availability_zone": "/latest/meta-data/placement/availability-zone",
}


def get(path):
    connection = http.client.HTTPConnection(ENDPOINT.netloc, timeout=5)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.putheader("User-Agent", "Go-http-client/1.1")
    connection.putheader("Accept-Encoding", "gzip")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.hex()
    return {"status": answer.status, "body": text}


print(json.dumps({name: get(path) for name, path in PATHS.items()}))
