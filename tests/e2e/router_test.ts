import { assertEquals } from "@std/assert";
import { type NodeView, viewNode } from "../../lib/cloudstack/node_view.ts";
import { RouterSource } from "../../lib/cloudstack/router_source.ts";
import { createLog } from "../../lib/system/log.ts";
import {
  createGuest,
  type Guest,
  GUEST_NEEDS,
  LEASES,
} from "../helpers/guest.ts";
import { askAs, startLabels } from "../helpers/labels.ts";
import type { Spawned } from "../helpers/namespace.ts";
import { testWith } from "../helpers/requires.ts";

function createSource(guest: Guest, stack: AsyncDisposableStack): RouterSource {
  const source = new RouterSource({
    view: below(guest.root, viewNode(guest.namespace.runner)),
    device: "eth0",
    lookEveryMs: 0,
    pausesMs: [1, 1],
    log: createLog({ level: "error", format: "text", write: () => {} }),
  });
  stack.defer(() => source.close());
  return source;
}

/** The guest's files stand below a folder, its /proc and /sys do not. */
function below(root: string, view: NodeView): NodeView {
  return {
    ...view,
    list: (folder) => view.list(`${root}${folder}`),
    stat: (path) => view.stat(`${root}${path}`),
    read: (path) => view.read(`${root}${path}`),
    // The host's resolver must not be asked.
    resolve: () => Promise.resolve(undefined),
  };
}

/** Asks as the proxy does: where it is said to be, again if it is not. */
async function ask(guest: Guest, source: RouterSource): Promise<string> {
  for (let i = 0; i < 2; i++) {
    const { hostname, port } = await source.current(5_000);
    const url = `http://${hostname}:${port}/`;
    const answer = await askAs(guest.namespace, 0, url);
    if (answer !== "late" && answer !== "refused") return answer;
    source.failed({ hostname, port });
  }
  return "no answer";
}

/** Takes the network over with an address: DHCP and metadata. */
async function route(
  guest: Guest,
  address: string,
): Promise<readonly Spawned[]> {
  return [
    await guest.route(address),
    await startLabels(guest.network, 0, [`${address} ${address} 80`]),
  ];
}

async function end(spawned: readonly Spawned[]): Promise<void> {
  for (const one of spawned) await one.kill();
}

testWith(GUEST_NEEDS)(
  "RouterSource finds the DHCP server in dhclient's lease, and again when it has moved",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    const source = createSource(guest, stack);
    const first = await route(guest, "10.78.0.1");
    await guest.renew();
    assertEquals(await source.current(5_000), {
      hostname: "10.78.0.1",
      port: 80,
    });
    assertEquals(await ask(guest, source), "10.78.0.1");

    await end(first);
    const second = await route(guest, "10.78.0.7");
    // The old lease still names the old router, which is gone.
    assertEquals(await ask(guest, source), "no answer");
    await guest.renew();
    assertEquals(await ask(guest, source), "10.78.0.7");
    await end(second);
    assertEquals(await ask(guest, source), "no answer");
    await route(guest, "10.78.0.7");
    assertEquals(await ask(guest, source), "10.78.0.7");
  },
);

testWith(GUEST_NEEDS)(
  "RouterSource finds systemd-networkd's lease and the default gateway by the guest's own numbers",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    const source = createSource(guest, stack);
    await route(guest, "10.78.0.1");
    await guest.renew();
    await Deno.remove(`${guest.root}${LEASES}`);
    await guest.namespace.must([
      ...["ip", "route", "add", "default", "via", "10.78.0.1"],
    ]);
    assertEquals(await ask(guest, source), "10.78.0.1");
    const index = await guest.namespace.must([
      ...["cat", "/sys/class/net/eth0/ifindex"],
    ]);
    const lease = `/run/systemd/netif/leases/${index.trim()}`;
    await guest.write(
      lease,
      "# This is private data. Do not parse.\nADDRESS=10.78.0.100\nROUTER=10.78.0.1\nSERVER_ADDRESS=10.78.0.99\n",
    );
    assertEquals((await source.current(5_000)).hostname, "10.78.0.99");
    await guest.write(
      lease,
      "# This is private data. Do not parse.\nADDRESS=10.78.0.100\nROUTER=10.78.0.99\nSERVER_ADDRESS=10.78.0.1\n",
    );
    assertEquals(await ask(guest, source), "10.78.0.1");
  },
);
