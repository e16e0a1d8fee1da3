import { assertEquals, assertMatch } from "@std/assert";
import type { Runner } from "../../lib/system/runner.ts";
import { addressWith } from "../helpers/address.ts";
import { createNeighbours } from "../helpers/cable.ts";
import { startLabels } from "../helpers/labels.ts";
import { askAs } from "../helpers/node.ts";
import type { Namespace } from "../helpers/namespace.ts";
import { runProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const NEEDS = [
  ...NAMESPACES,
  { command: "curl", from: "curl" },
  { command: "setpriv", from: "util-linux" },
] as const;

const ARP_IGNORE = "/proc/sys/net/ipv4/conf/all/arp_ignore";
const URL = "http://169.254.169.254:39724/";

async function address(
  { runner }: Namespace,
  line: string,
): Promise<readonly [number, string]> {
  const { code, stdout } = await addressWith(runner, line);
  return [code, stdout];
}

/** A node that serves at the address, and a neighbour. */
async function createServing(stack: AsyncDisposableStack) {
  const both = await createNeighbours(stack);
  await startLabels(both.node, 0, ["node 0.0.0.0 39724"]);
  return both;
}

testWith(NEEDS)(
  "address add puts the address on lo, lets no neighbour reach it, and remove leaves no trace",
  async () => {
    await using stack = new AsyncDisposableStack();
    const { node, neighbour } = await createServing(stack);
    const before = await node.must(["ip", "-4", "address"]);
    const refused = await runProgram(["address", "add"], {
      namespace: node.name,
    });
    assertEquals(refused, {
      code: 1,
      stdout: "",
      stderr:
        'c2s-imds: Cannot add 169.254.169.254/32 to lo: neighbours on "eth0" would reach it, run "sysctl -w net.ipv4.conf.all.arp_ignore=1" or give --arp-ignore\n',
    });
    assertEquals(await node.must(["ip", "-4", "address"]), before);
    assertEquals((await address(node, "status"))[0], 1);

    assertEquals(await address(node, "add --arp-ignore"), [
      0,
      "Set arp_ignore of all interfaces to 1\nAdded 169.254.169.254/32 to lo\n",
    ]);
    assertEquals(await address(node, "add --arp-ignore"), [
      0,
      "169.254.169.254/32 is on lo already\n",
    ]);
    assertEquals(await address(node, "status"), [0, "there\n"]);
    assertEquals(await askAs(node, 0, URL), "node");
    assertEquals(await askAs(node, 1000, URL), "node");
    assertMatch(await askAs(neighbour, 0, URL), /^(?:late|refused)$/);
    // The cable itself works.
    assertEquals(await askAs(neighbour, 0, "http://10.77.0.1:39724/"), "node");

    assertEquals(await address(node, "remove"), [
      0,
      "Removed 169.254.169.254/32 from lo\nPut arp_ignore of all interfaces back to 0\n",
    ]);
    assertEquals(await node.must(["ip", "-4", "address"]), before);
    assertEquals(await node.must(["cat", ARP_IGNORE]), "0\n");
    assertEquals(await address(node, "remove"), [0, "Nothing to remove\n"]);
  },
);

testWith(NEEDS)(
  "address status warns of neighbours when another program added the address",
  async () => {
    await using stack = new AsyncDisposableStack();
    const { node, neighbour } = await createServing(stack);
    await node.must(["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"]);
    // What the refusal is for: the neighbour does get an answer.
    assertEquals(await askAs(neighbour, 0, URL), "node");
    assertEquals(await address(node, "status"), [
      0,
      "there\n  not added by this program\n  warning: neighbours on eth0 reach it, fix: sysctl -w net.ipv4.conf.all.arp_ignore=1\n",
    ]);
    await node.must(["tee", ARP_IGNORE], "1\n");
    assertEquals(await address(node, "status"), [
      0,
      "there\n  not added by this program\n",
    ]);
    assertEquals((await address(node, "add"))[0], 0);
    await node.must(["tee", ARP_IGNORE], "0\n");
    assertEquals(await address(node, "add --arp-ignore"), [
      0,
      "Set arp_ignore of all interfaces to 1, for good: the address was there before\n169.254.169.254/32 is on lo already\n",
    ]);
    await neighbour.must(["ip", "neigh", "flush", "all"]);
    assertMatch(await askAs(neighbour, 0, URL), /^(?:late|refused)$/);
    assertEquals((await address(node, "remove"))[0], 0);
    assertEquals(await node.must(["cat", ARP_IGNORE]), "1\n");
  },
);

testWith(NEEDS)(
  "address add says in one line what is missing, and changes nothing",
  async () => {
    await using stack = new AsyncDisposableStack();
    const { node } = await createServing(stack);
    const before = await node.must(["ip", "-4", "address"]);
    const attempt = async (script: string): Promise<string> => {
      const run: Runner = (argv, options) =>
        node.runner(["sh", "-c", script, "sh", ...argv], options);
      const result = await addressWith(run, "add --arp-ignore");
      assertEquals([result.code, result.stdout], [4, ""]);
      return result.stderr ?? "";
    };
    assertEquals(
      await attempt(
        `exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"`,
      ),
      "c2s-imds: Cannot add 169.254.169.254/32 to lo: this process lacks CAP_NET_ADMIN, run it as root or give its container NET_ADMIN\n",
    );
    assertMatch(
      await attempt(
        // Else it would be the machine's own.
        `exec unshare --mount sh -ec 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$@"' sh "$@"`,
      ),
      /\/proc\/sys is read-only here, as in most containers\n$/,
    );
    assertEquals(await node.must(["ip", "-4", "address"]), before);
    assertEquals(await node.must(["cat", ARP_IGNORE]), "0\n");
  },
);
