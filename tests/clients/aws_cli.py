"""The AWS CLI shows region and credentials, and signs with both."""
import json
import os
import subprocess
from urllib.parse import parse_qs, urlsplit

ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"

# The AWS CLI puts its paths right behind what it is given.
environment = dict(os.environ)
if ENDPOINT in environment:
    environment[ENDPOINT] += "/"


def aws(*arguments):
    return subprocess.run(
        ["/usr/bin/aws", *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


signed = urlsplit(aws("s3", "presign", "s3://bucket/key").strip())
query = parse_qs(signed.query)
_, _, *scope = query["X-Amz-Credential"][0].split("/")
print(
    json.dumps(
        {
            "credentials": json.loads(aws("configure", "export-credentials")),
            "signed": {
                "host": signed.hostname,
                "scope": scope,
                "token": query["X-Amz-Security-Token"][0],
            },
        }
    )
)
