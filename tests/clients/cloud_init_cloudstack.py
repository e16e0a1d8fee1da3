"""cloud-init's CloudStack datasource crawls the router and tells what it found."""
import json
import os
import tempfile
from urllib.parse import urlsplit

from cloudinit import helpers
from cloudinit.sources import DataSourceCloudStack as cloudstack

ENDPOINT = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]

# The router is told by leases, which a test machine does not have, and its
# password server is no metadata service.
cloudstack.get_vr_address = lambda *_: urlsplit(ENDPOINT).netloc
cloudstack.CloudStackPasswordServerClient.get_password = lambda self: None

folder = tempfile.mkdtemp()
paths = helpers.Paths(
    {"cloud_dir": folder, "run_dir": folder, "templates_dir": folder}
)
config = {"datasource": {"CloudStack": {"max_wait": 5, "timeout": 2}}}
source = cloudstack.DataSourceCloudStack(config, None, paths)
found = source._get_data()
print(
    json.dumps(
        {
            "found": found,
            "availability_zone": source.availability_zone,
            "instance_id": source.get_instance_id(),
            "ssh_keys": source.get_public_ssh_keys(),
            "metadata": source.metadata,
            "user_data": source.userdata_raw,
        },
        default=bytes.hex,
    )
)
