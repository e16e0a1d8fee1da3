import { assertEquals } from "@std/assert";
import {
  asUser,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

testWith(NODE_NEEDS)(
  "iptables works as a process and ends with the codes of the contract",
  async () => {
    await using node = await createNode();
    await using _proxy = await node.start("serve", {}, ...asUser(PROXY_UID));
    const iptables = (line: string) => node.run(`iptables ${line}`);
    const first = await iptables("status");
    assertEquals([first.code, first.stdout.split("\n")[0]], [1, "absent"]);
    assertEquals((await iptables("install")).code, 0);
    assertEquals(await node.see(1000), EMULATED);
    assertEquals((await iptables("status")).code, 0);
    assertEquals((await iptables("status --port 4001")).code, 3);
    assertEquals(await iptables("install --user root"), {
      code: 2,
      stdout: "",
      stderr:
        'c2s-imds: Cannot use "root" for --user: uid 0 would exempt every client that runs as root, name the proxy\'s own user\n',
    });
    assertEquals((await iptables("remove")).code, 0);
    assertEquals((await iptables("remove")).stdout, "Nothing to remove\n");
  },
);
