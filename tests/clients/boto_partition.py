"""botocore finds the region by itself, and from it the partition."""
import json

from botocore.session import get_session
from botocore.utils import IMDSFetcher, IMDSRegionProvider

session = get_session()
region = IMDSRegionProvider(session).provide()
credentials = session.get_credentials()
endpoint = session.get_config_variable("ec2_metadata_service_endpoint")
service = IMDSFetcher(config={"ec2_metadata_service_endpoint": endpoint})
token = service._fetch_metadata_token()


def read(path):
    return service._get_request("/latest/meta-data/" + path, None, token).text


def client(name):
    return session.create_client(name, region_name=region)


print(
    json.dumps(
        {
            "region": region,
            "partition": session.get_partition_for_region(region),
            "client": client("sts").meta.partition,
            "endpoints": [
                client(name).meta.endpoint_url for name in ("sts", "ec2")
            ],
            "method": credentials.method,
            "told": {
                "partition": read("services/partition"),
                "domain": read("services/domain"),
                "arn": json.loads(read("iam/info"))["InstanceProfileArn"],
            },
        }
    )
)
