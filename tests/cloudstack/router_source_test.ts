import { assertEquals, assertRejects } from "@std/assert";
import type { NodeView } from "../../lib/cloudstack/discover_router.ts";
import { RouterSource } from "../../lib/cloudstack/router_source.ts";
import type { UpstreamSource } from "../../lib/proxy/upstream/upstream.ts";
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

/** A source that looks at once, so that no test waits. */
function watch(view: NodeView, lookEveryMs = 0): Watched {
  const { log, lines } = recordLog();
  const pausesMs = [1, 1];
  const parts = { view, device: "eth0", lookEveryMs, pausesMs, log };
  const source = new RouterSource(parts);
  return {
    source,
    where: async () => (await source.current(5_000)).hostname,
    log: () => lines.map((line) => line.replace(/^\S+ /, "").trimEnd()),
    [Symbol.dispose]: () => source.close(),
  };
}

/** How often the node was searched, rather than only its files looked at. */
function searches({ asked }: FakeNode): number {
  return asked.filter((what) => what.endsWith("/ifindex")).length;
}

Deno.test("RouterSource shares one search, and remembers the router as long as nothing changes", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = watch(node.view);
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
  using watched = watch(node.view);
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
  using watched = watch(node.view);
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

Deno.test("RouterSource looks no more often than it is told", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = watch(node.view, 3_600_000);
  for (let i = 0; i < 20; i++) {
    assertEquals(await watched.where(), "10.1.1.1");
    node.write(LEASE, dhclientLease("10.1.1.2"));
    if (i > 10) watched.source.failed({ hostname: "10.1.1.1", port: 80 });
  }
  assertEquals(searches(node), 1);
});

Deno.test("RouterSource keeps the last router when none is found any more", async () => {
  using node = createFakeNode();
  node.write(LEASE, dhclientLease("10.1.1.1"));
  using watched = watch(node.view);
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
  using watched = watch(node.view);
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
  using watched = watch({ ...node.view, resolve: () => promise });
  const asked = () => watched.source.current(50);
  await assertRejects(asked, Error, "not looked for yet");
  resolve("10.1.1.1");
  assertEquals(await watched.where(), "10.1.1.1");
});

Deno.test("RouterSource says what kept it from looking", async () => {
  using node = createFakeNode();
  using watched = watch({
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
  const searched = Promise.withResolvers<void>();
  const { log } = recordLog({ level: "warn", write: () => searched.resolve() });
  const pausesMs = [3_600_000];
  const parts = { view: node.view, device: "eth0", pausesMs, log };
  const source = new RouterSource(parts);
  const asked = source.current(3_600_000);
  await searched.promise;
  source.close();
  await assertRejects(() => asked, Error, "no lease is there");
  assertEquals(searches(node), 1);
  await assertRejects(() => source.current(3_600_000), Error);
});
