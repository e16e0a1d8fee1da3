"""boto3 finds region and credentials, and signs with both."""
import json
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.utils import IMDSRegionProvider, InstanceMetadataFetcher

own = boto3.Session()
session = own._session
region = IMDSRegionProvider(session).provide()
credentials = session.get_credentials()
frozen = credentials.get_frozen_credentials()
endpoint = session.get_config_variable("ec2_metadata_service_endpoint")
fetched = InstanceMetadataFetcher(
    config={"ec2_metadata_service_endpoint": endpoint}
).retrieve_iam_role_credentials()

# What aws-iam-authenticator sends: made without a word to AWS.
signed = urlsplit(
    own.client("sts", region_name=region).generate_presigned_url(
        "get_caller_identity"
    )
)
query = parse_qs(signed.query)
_, _, *scope = query["X-Amz-Credential"][0].split("/")
print(
    json.dumps(
        {
            "region": region,
            "method": credentials.method,
            "access_key": frozen.access_key,
            "secret_key": frozen.secret_key,
            "token": frozen.token,
            "fetched": fetched,
            "signed": {
                "host": signed.hostname,
                "scope": scope,
                "token": query["X-Amz-Security-Token"][0],
            },
        }
    )
)
