"""cloud-init's OpenStack datasource crawls the service and tells what it found."""
import json
import os
import tempfile

from cloudinit import helpers
from cloudinit.sources import DataSourceOpenStack as openstack

ENDPOINT = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")

# The platform is told by DMI, which a test machine does not have.
openstack.detect_openstack = lambda accept_oracle=False: True

# It asks for EC2's data too, whatever the endpoint, at the default address:
# where nothing answers there, once is enough.
config = {"max_wait": 5, "timeout": 2, "retries": 0}
if ENDPOINT:
    config["metadata_urls"] = [ENDPOINT]
folder = tempfile.mkdtemp()
paths = helpers.Paths(
    {"cloud_dir": folder, "run_dir": folder, "templates_dir": folder}
)
source = openstack.DataSourceOpenStack(
    {"datasource": {"OpenStack": config}, "datasource_list": ["OpenStack"]},
    None,
    paths,
)
found = source._get_data()
print(
    json.dumps(
        {
            "found": found,
            "availability_zone": source.availability_zone,
            "instance_id": source.get_instance_id(),
            "ssh_keys": source.get_public_ssh_keys(),
            "metadata": source.metadata,
            "network": source.network_json,
            "user_data": source.userdata_raw,
            "vendor_data": source.vendordata_pure,
            "vendor_data2": source.vendordata2_pure,
        },
        default=bytes.hex,
    )
)
