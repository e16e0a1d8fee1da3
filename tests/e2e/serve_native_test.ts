import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

/** What the program runs on a node that has nft and no iptables. */
const PROGRAMS = ["cat", "id", "kill", "nft", "nsenter", "ss", "test"];

testWith(NODE_NEEDS)(
  "serve --iptables keeps a rule of nft's own where there is no iptables",
  async () => {
    await using node = await createNode();
    const PATH = await Deno.makeTempDir();
    await Deno.chmod(PATH, 0o755);
    const link = `ln -s $(which ${PROGRAMS.join(" ")}) ${PATH}`;
    await node.namespace.must(["sh", "-c", link]);
    await using program = await node.start("serve --iptables", {
      env: { PATH },
    });
    assertEquals(await node.see(0), EMULATED);
    assertEquals(await node.see(1000), EMULATED);
    assertEquals(await node.see(PROXY_UID), REAL);
    const status = await node.run("iptables status", { env: { PATH } });
    assertEquals(status.code, 0);
    assertStringIncludes(status.stdout, "backend: nftables");
    assertEquals((await program.stop()).code, 0);
    assertEquals(await node.see(0), REAL);
    assertEquals((await node.rules()).includes("c2s-imds"), false);
    await Deno.remove(PATH, { recursive: true });
  },
);
