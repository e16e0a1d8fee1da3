"""cloud-init's EC2 datasource crawls the service and tells what it found."""
import json
import os
import tempfile

from cloudinit import helpers
from cloudinit.sources import DataSourceEc2 as ec2

ENDPOINT = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")

# The platform is told by DMI, which a test machine does not have.
ec2.identify_platform = lambda: ec2.CloudNames.AWS

config = {"max_wait": 5, "timeout": 2}
if ENDPOINT:
    config["metadata_urls"] = [ENDPOINT]
folder = tempfile.mkdtemp()
paths = helpers.Paths(
    {"cloud_dir": folder, "run_dir": folder, "templates_dir": folder}
)
source = ec2.DataSourceEc2({"datasource": {"Ec2": config}}, None, paths)
found = source._get_data()
print(
    json.dumps(
        {
            "found": found,
            "region": source.region,
            "availability_zone": source.availability_zone,
            "instance_id": source.get_instance_id(),
            "ssh_keys": source.get_public_ssh_keys(),
            "crawled": source._crawled_metadata,
        },
        default=bytes.hex,
    )
)
