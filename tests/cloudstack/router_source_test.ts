import { assertEquals, assertRejects } from "@std/assert";
import type { NodeView } from "../../lib/cloudstack/discover_router.ts";
import { RouterSource } from "../../lib/cloudstack/router_source.ts";
import type { UpstreamSource } from "../../lib/proxy/upstream/upstream.ts";
import { delay } from "../../lib/system/timers.ts";
import { skipWaits, stopClock } from "../helpers/clock.ts";
import { recordLog } from "../helpers/log.ts";
import {
  createFakeNode,
  dhclientLease,
  type FakeNode,
  GATEWAY_9,
} from "./fake_node.ts";

const LEASE = "/var/lib/dhcp/dhclient.eth0.leases";

interface Watched extends Disposable {
  readonly source: UpstreamSource;
  /** Asks where the router is. */
  where(): Promise<string>;
  /** What the log says, without times. */
  log(): readonly string[];
}

/** A source that is asked once a second, by a clock that nobody waits for. */
async function watch(view: NodeView): Promise<Watched> {
  const clock = await skipWaits();
  const { log, lines } = recordLog();
  const source = new RouterSource(view, "eth0", log);
  return {
    source,
    async where() {
      await delay(1_000);
      return (await source.current(5_000)).hostname;
    },
    log: () => lines.map((line) => line.replace(/^\S+ /, "").trimEnd()),
    [Symbol.dispose]() {
      source.close();
      clock[Symbol.dispose]();
    },
  };
}

/** How often the node was searched, rather than only its files looked at. */
function searches({ asked }: FakeNode): number {
  return asked.filter((what) => what.endsWith("/ifindex")).length;
}

Deno.test("RouterSource shares one search, and remembers the router as long as nothing changes", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = await watch(node.view);
  const found = await Promise.all(
    Array.from({ length: 100 }, () => watched.where()),
  );
  assertEquals(new Set(found), new Set(["10.1.1.1"]));
  const address = { hostname: "10.1.1.1", port: 80 };
  assertEquals(await watched.source.current(5_000), address);
  assertEquals(searches(node), 1);
  assertEquals(watched.log(), [
    `info virtual router found interface=eth0 address=10.1.1.1 from=${LEASE}`,
  ]);
});

Deno.test("RouterSource follows the lease when it changes", async () => {
  using node = createFakeNode();
  node.kernel.set("/proc/net/route", GATEWAY_9);
  using watched = await watch(node.view);
  assertEquals(await watched.where(), "10.1.1.9");
  node.write(LEASE, dhclientLease("10.1.1.1"));
  assertEquals(await watched.where(), "10.1.1.1");
  node.write(LEASE, dhclientLease("10.1.1.1"));
  assertEquals(await watched.where(), "10.1.1.1");
  node.write("/run/systemd/netif/leases/2", "SERVER_ADDRESS=10.1.1.2\n");
  assertEquals(await watched.where(), "10.1.1.2");
  assertEquals(searches(node), 4);
  assertEquals(watched.log().length, 3);
  assertEquals(
    watched.log()[2],
    "info virtual router moved interface=eth0 address=10.1.1.2 from=/run/systemd/netif/leases/2",
  );
});

Deno.test("RouterSource looks again when the router does not answer", async () => {
  using node = createFakeNode();
  node.names.set("data-server", "10.1.1.1");
  using watched = await watch(node.view);
  assertEquals(await watched.where(), "10.1.1.1");
  node.names.set("data-server", "10.1.1.2");
  assertEquals(await watched.where(), "10.1.1.1");
  watched.source.failed({ hostname: "10.1.1.1", port: 80 });
  assertEquals(await watched.where(), "10.1.1.2");
  assertEquals(searches(node), 2);
  // What failed is not what is known any more.
  watched.source.failed({ hostname: "10.1.1.1", port: 80 });
  assertEquals(await watched.where(), "10.1.1.2");
  assertEquals(searches(node), 2);
});

Deno.test("RouterSource looks once a second at most", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = await watch(node.view);
  for (let i = 0; i < 20; i++) {
    const { hostname } = await watched.source.current(5_000);
    assertEquals(hostname, "10.1.1.1");
    node.write(LEASE, dhclientLease("10.1.1.2"));
    if (i > 10) watched.source.failed({ hostname: "10.1.1.1", port: 80 });
  }
  assertEquals(searches(node), 1);
});

Deno.test("RouterSource keeps the last router when none is found any more", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = await watch(node.view);
  assertEquals(await watched.where(), "10.1.1.1");
  node.remove(LEASE);
  for (let i = 0; i < 3; i++) assertEquals(await watched.where(), "10.1.1.1");
  watched.source.failed({ hostname: "10.1.1.1", port: 80 });
  assertEquals(await watched.where(), "10.1.1.1");
  assertEquals(watched.log().slice(1), [
    'warn no virtual router found interface=eth0 reason="no lease is there, \\"data-server\\" is no known name, and there is no default gateway"',
  ]);
  node.write(LEASE, dhclientLease("10.1.1.2"));
  assertEquals(await watched.where(), "10.1.1.2");
});

Deno.test("RouterSource tries three times, and again when it is asked again", async () => {
  using node = createFakeNode();
  using watched = await watch(node.view);
  const error = await assertRejects(() => watched.where(), Error);
  assertEquals(
    error.message,
    'Cannot find the virtual router of "eth0": no lease is there, "data-server" is no known name, and there is no default gateway',
  );
  assertEquals(searches(node), 3);
  assertEquals(watched.log().length, 1);
  node.write(LEASE, dhclientLease("10.1.1.1"));
  assertEquals(await watched.where(), "10.1.1.1");
});

Deno.test("RouterSource answers in time when the resolver hangs", async () => {
  using node = createFakeNode();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  using watched = await watch({ ...node.view, resolve: () => promise });
  const asked = () => watched.source.current(50);
  await assertRejects(asked, Error, "not looked for yet");
  resolve("10.1.1.1");
  assertEquals(await watched.where(), "10.1.1.1");
});

Deno.test("RouterSource says what kept it from looking", async () => {
  using node = createFakeNode();
  using watched = await watch({
    ...node.view,
    readKernel: () => Promise.reject(new Error("Too many open files")),
  });
  const error = await assertRejects(() => watched.where(), Error);
  assertEquals(
    error.message,
    'Cannot find the virtual router of "eth0": Too many open files',
  );
  assertEquals(watched.log(), [
    'error cannot look for the virtual router interface=eth0 error="Too many open files"',
  ]);
});

Deno.test("RouterSource stops trying when it is closed", async () => {
  using node = createFakeNode();
  using clock = await stopClock();
  const searched = Promise.withResolvers<void>();
  const { log } = recordLog({ level: "warn", write: () => searched.resolve() });
  const source = new RouterSource(node.view, "eth0", log);
  const asked = source.current(3_600_000);
  // The first try comes at once.
  clock.advance(1);
  await searched.promise;
  source.close();
  await assertRejects(() => asked, Error, "no lease is there");
  assertEquals(searches(node), 1);
  await assertRejects(() => source.current(3_600_000), Error);
});
