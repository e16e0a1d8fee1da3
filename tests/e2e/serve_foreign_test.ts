/**
 * Others' native nft rules in iptables' nat table, which iptables cannot list:
 * they come while `serve` keeps its rule there.
 */
import { assertEquals } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import { startLoad } from "../helpers/load.ts";
import {
  childOf,
  createNode,
  NODE_NEEDS,
  REAL,
  revived,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const NEEDS = [...NODE_NEEDS, { command: "nft", from: "nftables" }];

/** Where they stand, and the script that puts them there. */
const FOREIGN: Readonly<Record<string, string>> = {
  "in another chain": `add chain ip nat THEIRS
add rule ip nat THEIRS ct state new counter
`,
  "before ours": "insert rule ip nat OUTPUT ct state new counter\n",
};

const installed = installedForFile();

for (const [where, script] of Object.entries(FOREIGN)) {
  testWith(
    NEEDS,
    `serve --iptables closes, restores and removes its rule where others' native rules come ${where}`,
    async () => {
      await using node = await createNode(await installed(), "nft");
      const nat = () =>
        node.namespace.must(["nft", "list", "table", "ip", "nat"]);
      await using program = await node.start("serve --iptables");
      await node.namespace.must(["nft", "-f", "-"], script);
      const load = await startLoad(node.namespace, 8);
      const child = await childOf(program) ?? 0;
      Deno.kill(child, "SIGKILL");
      await revived(program, node);
      const tally = await load.count();
      assertEquals(tally[REAL], undefined, JSON.stringify(tally));
      assertEquals(program.stderr().match(/cannot close/g), null);
      const { code, stderr } = await program.stop();
      assertEquals(code, 0, stderr);
      assertEquals((await nat()).match(/C2S-IMDS/g), null);
      assertEquals(await node.see(0), REAL);
    },
  );
}
