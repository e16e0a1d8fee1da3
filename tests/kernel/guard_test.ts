/**
 * The guard beside the redirect: what the redirect misses is refused, and
 * nobody but the proxy's user answers at its port.
 */
import { assert, assertEquals } from "@std/assert";
import { importFlags } from "../../deploy/build.ts";
import { openMachine } from "../../lib/rule/machine.ts";
import { look, reconcile } from "../../lib/rule/reconcile.ts";
import {
  type Backend,
  BACKENDS,
  DEFAULT_DESTINATION,
  type Desired,
  DESTINATION_IPV6,
  rulesOf,
} from "../../lib/rule/rule.ts";
import { startKeepAlive, startLabels } from "../helpers/labels.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import { askAs, NODE_NEEDS } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const PROXY = 10_169;
const SERVICES = ["http://169.254.169.254/", "http://[fd00:ec2::254]/"];

/** Both families redirected to a port. */
function open(port: number): Desired {
  return {
    state: "open",
    uid: PROXY,
    targets: [DESTINATION_IPV6, DEFAULT_DESTINATION].map((to) => ({
      ...to,
      port,
    })),
  };
}

async function createNode(): Promise<Namespace> {
  const node = await createNamespace([
    "169.254.169.254/32",
    "10.9.8.7/32",
    "fd00:ec2::254/128",
  ]);
  await startLabels(node, 0, [
    "real 169.254.169.254 80",
    "real fd00:ec2::254 80",
  ]);
  return node;
}

/** Starts the proxy on the loopback addresses. */
async function startProxy(node: Namespace, port = 4000) {
  return await startLabels(node, PROXY, [
    `proxy 127.0.0.1 ${port}`,
    `proxy ::1 ${port}`,
  ]);
}

/** What some users see of the service in both families. */
async function seen(node: Namespace, ...uids: number[]): Promise<string[]> {
  const asked = uids.flatMap((uid) =>
    SERVICES.map((url) => [uid, url] as const)
  );
  return await Promise.all(asked.map(([uid, url]) => askAs(node, uid, url)));
}

/** The same of a user who gives up after a second. */
function seenSoon(node: Namespace): Promise<string[]> {
  return Promise.all(SERVICES.map((url) => askAs(node, 1000, url, 1)));
}

const LATE = ["late", "late"];

/** What takes the redirect away and leaves the guard. */
const FLUSHES: Readonly<Record<Backend, readonly string[]>> = {
  nft: ["iptables-nft -t nat -F", "ip6tables-nft -t nat -F"],
  legacy: ["iptables-legacy -t nat -F", "ip6tables-legacy -t nat -F"],
  nftables: [
    "nft flush chain ip c2s-imds output",
    "nft flush chain ip6 c2s-imds output",
  ],
};

/** Every way to listen at the proxy's port, with SYN queues that overflow. */
const SQUATTERS = [
  [0, "127.0.0.1", 0],
  [1, "127.0.0.1", 0],
  [1, "::", 128],
  [2, "::", 0],
] as const;

// Listens at the proxy's port, and says when it reads.
const SQUATTER = `
import os, select, socket, sys, time
os.setgid(1000); os.setuid(1000)
host, backlog = sys.argv[1], int(sys.argv[2])
server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((host, 4000))
server.listen(backlog)
print("listening", flush=True)
while True:
    connection, _ = server.accept()
    connection.settimeout(5)
    if connection.recv(1000): print("read", flush=True)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nthief")
    connection.close()
`;

// Many clients at once, so that the SYN queue of listen(0) overflows.
const CLIENTS = `
import select, socket, sys, time
clients = []
for i in range(60):
    for host in ("169.254.169.254", "fd00:ec2::254"):
        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        client.setblocking(False)
        client.connect_ex((host, 80))
        clients.append(client)
end = time.monotonic() + float(sys.argv[1])
answers = 0
while time.monotonic() < end and answers == 0:
    readable, writable, _ = select.select(clients, clients, [], 0.05)
    for client in writable:
        try: client.send(b"GET /latest/meta-data/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        except OSError: pass
    for client in readable:
        try: answers += len(client.recv(1000)) > 0
        except OSError: pass
    time.sleep(0.02)
print(answers)
`;

// Says what connections alone show of IPv4's rule.
const SHOWN = `
const { doubtfulFamilies } = await import(Deno.args[0]);
const open = JSON.parse(Deno.args[1]);
const isShown = async (part) => (await doubtfulFamilies(open, part)).length === 0;
let last;
while (true) {
  const guard = await isShown("guard") ? "guarded" : "bare";
  const now = await isShown("all") ? "in place" : guard;
  if (now !== last) console.log(last = now);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
`;

function startShowing(node: Namespace): Spawned {
  const [, target] = rulesOf(open(4000));
  return node.spawn([
    ...[Deno.execPath(), "eval", "--quiet", ...importFlags(), SHOWN],
    new URL("../../lib/supervisor/route.ts", import.meta.url).href,
    JSON.stringify({ state: "open", targets: [target] }),
  ]);
}

async function startSquatter(node: Namespace, host: string, backlog: number) {
  const squatter = node.spawn([
    ...["/usr/bin/python3", "-c", SQUATTER, host, String(backlog)],
  ]);
  await squatter.shows(/^listening$/m);
  return squatter;
}

/**
 * How many requests a squatter reads while 120 clients ask for some time, or
 * until one of them is answered.
 */
async function stolen(
  node: Namespace,
  host: string,
  backlog: number,
  seconds: number,
): Promise<number> {
  const squatter = await startSquatter(node, host, backlog);
  await node.must(["/usr/bin/python3", "-c", CLIENTS, String(seconds)]);
  await squatter.kill();
  return squatter.stdout().match(/^read$/gm)?.length ?? 0;
}

for (const backend of BACKENDS) {
  testWith(NODE_NEEDS)(
    `the guard holds what the redirect promises (${backend})`,
    async (t) => {
      await using node = await createNode();
      const machine = await openMachine(
        backend,
        "install the rule",
        node.runner,
      );
      // A node's own firewall keeps conntrack busy; without it nothing would be
      // tracked before the rule comes.
      await node.must(
        ["nft", "-f", "-"],
        `table inet firewall { chain input { type filter hook input priority 0;
        ct state established accept
      }
      }\n`,
      );
      const shown = startShowing(node);
      const early = await startKeepAlive(node, 1000, "169.254.169.254");
      const own = await startKeepAlive(node, PROXY, "169.254.169.254");
      const proxy = await startProxy(node);

      await t.step(
        "everybody is answered by the proxy, the proxy by the service",
        async () => {
          // A connection that comes about late shows a guard.
          await shown.shows(/bare\n$/);
          await reconcile(machine, open(4000));
          assertEquals(await seen(node, 0, 1000), Array(4).fill("proxy"));
          assertEquals(await seen(node, PROXY), ["real", "real"]);
          await shown.shows(/in place\n$/);
        },
      );

      await t.step(
        "a connection from before the rule is reset when it sends",
        async () => {
          const { code } = await early.ended;
          assert(code !== 0);
          assert(!early.stdout().includes("proxy"));
          const before = own.stdout().length;
          await own.shows(new RegExp(`^(real\n){${before / 5 + 3}}`));
        },
      );

      await t.step("without the redirect clients are refused", async () => {
        for (const line of FLUSHES[backend]) await node.must(line.split(" "));
        await shown.shows(/guarded\n$/);
        assertEquals(await seen(node, 0, 1000), Array(4).fill("refused"));
        assertEquals(await seen(node, PROXY), ["real", "real"]);
        const found = await look(machine, open(4000));
        assertEquals(
          new Set(found.map((text) => text.split(" ")[0])),
          new Set(["IPv6", "IPv4"]),
        );
        await reconcile(machine, open(4000));
        assertEquals(await look(machine, open(4000)), []);
        assertEquals(await seen(node, 0, 1000), Array(4).fill("proxy"));
        await shown.shows(/in place\n$/);
      });

      await t.step("a port without a listener is refused at once", async () => {
        await proxy.kill();
        assertEquals(await seen(node, 0, 1000), Array(4).fill("refused"));
        await shown.kill();
      });

      for (const [cookies, host, backlog] of SQUATTERS) {
        await t.step(
          `a squatter on ${host} reads nothing (tcp_syncookies ${cookies}, listen(${backlog}))`,
          async () => {
            const setting = `net.ipv4.tcp_syncookies=${cookies}`;
            await node.must(["sysctl", "-w", setting]);
            assertEquals(await stolen(node, host, backlog, 0.3), 0);
          },
        );
      }

      await t.step(
        "with SYN cookies alone the proxy's answers are dropped, too",
        async () => {
          const proxy = await startProxy(node);
          assertEquals(await seenSoon(node), LATE);
          await node.must(["sysctl", "-w", "net.ipv4.tcp_syncookies=1"]);
          assertEquals(await seen(node, 1000), ["proxy", "proxy"]);
          await proxy.kill();
        },
      );

      await t.step("clients of a squatter get no answer", async () => {
        const squatter = await startSquatter(node, "::", 128);
        assertEquals(await seenSoon(node), LATE);
        await squatter.kill();
      });

      await t.step(
        "open connections go on while the port changes and while it drains",
        async () => {
          // The kernel still redirects from the ports of clients whose attempts
          // were dropped just now.
          const ports = "net.ipv4.ip_local_port_range=10000 32767";
          await node.must(["sysctl", "-w", ports]);
          const proxy = await startProxy(node);
          assertEquals(await seen(node, 0, 1000), Array(4).fill("proxy"));
          const client = await startKeepAlive(node, 1000, "169.254.169.254");
          const goesOn = () => {
            const more = client.stdout().length / "proxy\n".length + 3;
            return client.shows(new RegExp(`^(proxy\n){${more}}`));
          };
          await startProxy(node, 4001);
          await reconcile(machine, open(4001));
          assertEquals(await seen(node, 0, 1000), Array(4).fill("proxy"));
          await goesOn();
          await reconcile(machine, { state: "draining" });
          assertEquals(await seen(node, 1000), ["real", "real"]);
          await goesOn();
          await reconcile(machine, { state: "absent" });
          assertEquals(
            (await node.must(["nft", "list", "tables"])).match(/c2s-imds/),
            null,
          );
          await client.kill();
          await proxy.kill();
        },
      );

      await t.step(
        "a squatter reads requests where there is no guard",
        async () => {
          await reconcile(machine, open(4000));
          const shown = startShowing(node);
          await shown.shows(/guarded\n$/);
          for (const family of ["ip", "ip6"]) {
            await node.must(
              backend === "nftables"
                ? ["nft", "flush", "chain", family, "c2s-imds", "guard"]
                : [`${family}tables-${backend}`, "-F"],
            );
          }
          assert((await look(machine, open(4000))).length > 0);
          await shown.shows(/bare\n$/);
          await shown.kill();
          assert(await stolen(node, "::", 128, 30) > 0);
        },
      );
    },
  );
}

// Resets a connection on which it is asked to, and answers others.
const RESETTING = `
import socket, struct
server = socket.create_server(("169.254.169.254", 80))
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    if connection.recv(100) == b"reset":
        off = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, off)
    else: connection.sendall(b"real")
    connection.close()
`;

// Asks as a user, from a port of its choice, and says what came of it.
const FROM_PORT = `
import os, socket, sys
os.setuid(int(sys.argv[1]))
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.bind(("", int(sys.argv[2])))
try:
    client.connect(("169.254.169.254", 80))
    client.sendall(sys.argv[3].encode())
    print(client.recv(100).decode())
except ConnectionRefusedError: print("refused")
except ConnectionResetError: print("reset")
`;

for (const backend of BACKENDS) {
  testWith(NODE_NEEDS)(
    `the guard refuses a client that gets the port of a reset connection of the proxy's (${backend})`,
    async () => {
      await using node = await createNamespace(["169.254.169.254/32"]);
      const machine = await openMachine(
        backend,
        "install the rule",
        node.runner,
      );
      const service = node.spawn(["/usr/bin/python3", "-c", RESETTING]);
      await service.shows(/^ready$/m);
      const ask = async (uid: number, port: number, text: string) =>
        (await node.must([
          ...["/usr/bin/python3", "-c", FROM_PORT],
          ...[`${uid}`, `${port}`, text],
        ])).trim();
      await reconcile(machine, open(4000));
      assertEquals(await ask(PROXY, 41_234, "reset"), "reset");
      assertEquals(await ask(1000, 41_234, "ask"), "refused");
      // Without the guard, conntrack leads it past the redirect.
      await node.must(
        backend === "nftables"
          ? ["nft", "flush", "chain", "ip", "c2s-imds", "guard"]
          : [`iptables-${backend}`, "-F"],
      );
      assertEquals(await ask(PROXY, 41_238, "reset"), "reset");
      assertEquals(await ask(1000, 41_238, "ask"), "real");
    },
  );
}
