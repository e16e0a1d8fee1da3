import { testWith } from "../helpers/requires.ts";
import { type Client, python, runClient, scriptPath } from "./clients.ts";
import { assertEmulated, assertSaw } from "./comparison.ts";
import { createStage, SERVICE, STAGE_NEEDS } from "./stage.ts";

/** It asks its router, which no rule catches. */
const CLOUDSTACK: Pick<Client, "command" | "changes" | "kept"> = {
  command: () => python("cloud_init_cloudstack.py"),
  changes: {
    "availability_zone": ["us-east-1a", "us-iso-east-1a"],
    "metadata/availability-zone": ["us-east-1a", "us-iso-east-1a"],
  },
  kept: {
    "found": true,
    "instance_id": "5d4c3b2a-0c25-4a1b-9c3d-4e5f60718293",
    "metadata/local-hostname": "vm-us-east-1",
    "metadata/public-hostname": "203-0-113-34.us-east-1.example.com",
    "user_data": new TextEncoder()
      .encode("#cloud-config\nhostname: vm-us-east-1\n").toHex(),
  },
};

testWith([...STAGE_NEEDS, { python: "cloudinit", from: "cloud-init" }])(
  "cloud-init's CloudStack datasource sees the emulated zone where it takes the proxy for its router",
  async () => {
    await using stack = new AsyncDisposableStack();
    const data = `--data=${scriptPath("cloudstack.yaml")}`;
    const { machine, proxy } = await createStage(stack, [data]);
    const direct = await runClient(CLOUDSTACK, machine, SERVICE);
    assertSaw(CLOUDSTACK, direct);
    const proxied = await runClient(CLOUDSTACK, machine, proxy);
    assertEmulated(CLOUDSTACK, direct, proxied);
  },
);
