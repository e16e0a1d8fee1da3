import { assertEquals, assertStringIncludes } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import {
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

/** What the program runs on a node that has nft and no iptables. */
const PROGRAMS = ["cat", "id", "ip", "kill", "nft", "ss", "test"];

/** A folder with links to some programs of this machine. */
async function pathOf(names: readonly string[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o755);
  const places = (Deno.env.get("PATH") ?? "").split(":");
  for (const name of names) {
    for (const path of places.map((place) => `${place}/${name}`)) {
      if (!await isFile(path)) continue;
      await Deno.symlink(path, `${folder}/${name}`);
      break;
    }
  }
  return folder;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

testWith(NODE_NEEDS)(
  "serve --iptables keeps a rule of nft's own where there is no iptables",
  async () => {
    const PATH = await pathOf(PROGRAMS);
    try {
      await using node = await createNode(await installed());
      const program = await node.start("serve --iptables", { env: { PATH } });
      try {
        assertEquals(await node.see(0), EMULATED);
        assertEquals(await node.see(1000), EMULATED);
        assertEquals(await node.see(PROXY_UID), REAL);
        const status = await node.run("iptables status", { env: { PATH } });
        assertEquals(status.code, 0);
        assertStringIncludes(status.stdout, "backend: nftables");

        await node.namespace.must(["nft", "flush", "ruleset"]);
        await program.logged(/warn the rule was put back/);
        assertEquals(await node.see(0), EMULATED);
      } finally {
        assertEquals((await program.stop()).code, 0);
      }
      assertEquals(await node.see(0), REAL);
      assertEquals((await node.rules()).includes("c2s-imds"), false);
    } finally {
      await Deno.remove(PATH, { recursive: true });
    }
  },
);
