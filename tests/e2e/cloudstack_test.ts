import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { layCable } from "../helpers/cable.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import {
  askAs,
  asUser,
  childOf,
  EMULATED,
  REGION,
  until,
} from "../helpers/node.ts";
import { type RunningProgram, startProgram } from "../helpers/program.ts";
import { NAMESPACES, type Need, testWith } from "../helpers/requires.ts";

const NEEDS: readonly Need[] = [
  ...NAMESPACES,
  { command: "dnsmasq", from: "dnsmasq-base" },
  { command: "dhclient", from: "isc-dhcp-client" },
  { command: "curl", from: "curl" },
  { command: "setpriv", from: "util-linux" },
  { command: "iptables", from: "iptables" },
];

/** Where dhclient writes, as the guest sees it. */
const LEASES = "/var/lib/dhcp/dhclient.eth0.leases";

/**
 * A guest of CloudStack in a namespace, and the network of its virtual router
 * in another: a real DHCP server, and real leases of dhclient.
 */
class Guest {
  /** {@linkcode createGuest} makes them. */
  constructor(
    /** Its namespace; its interface is eth0. */
    readonly namespace: Namespace,
    /** The namespace of the router, where it serves metadata, too. */
    readonly network: Namespace,
    /** The folder that stands for the guest's root. */
    readonly root: string,
  ) {}

  /**
   * What starts a command so that it sees the guest's leases where they are
   * looked for, its interfaces in /sys, and nothing of this machine.
   */
  get within(): readonly string[] {
    const mounts = `mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys
mount --bind "${this.root}/var/lib" /var/lib`;
    return ["unshare", "--mount", "sh", "-ec", `${mounts}\nexec "$@"`, "sh"];
  }

  /** Gives the router an address, and has it serve DHCP there. */
  async route(address: string): Promise<Spawned> {
    await setAddress(this.network, address);
    return await startDhcp(this.network, this.root, address);
  }

  /** Has the DHCP client ask for a lease. */
  renew(): Promise<void> {
    return renew(this.namespace, this.root);
  }

  /** Writes a file as another DHCP client would. */
  async write(path: string, text: string): Promise<void> {
    const file = `${this.root}${path}`;
    await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
}

/** Gives eth0 an address and no other. */
async function setAddress(namespace: Namespace, address: string) {
  await namespace.must(["ip", "addr", "flush", "dev", "eth0"]);
  await namespace.must(["ip", "addr", "add", `${address}/24`, "dev", "eth0"]);
}

/**
 * Makes a guest without an address.
 *
 * @param stack takes it away again
 */
async function createGuest(
  stack: AsyncDisposableStack,
): Promise<Guest> {
  const root = await Deno.makeTempDir({ prefix: "c2s-guest-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  const namespace = stack.use(await createNamespace());
  const network = stack.use(await createNamespace());
  await layCable(
    { namespace, device: "eth0", addresses: [] },
    { namespace: network, device: "eth0", addresses: [] },
  );
  await Deno.mkdir(`${root}/var/lib/dhcp`, { recursive: true });
  return new Guest(namespace, network, root);
}

/** CloudStack's virtual router runs dnsmasq too. */
async function startDhcp(
  network: Namespace,
  root: string,
  address: string,
): Promise<Spawned> {
  const net = address.replace(/\d+$/, "");
  const spawned = network.spawn([
    ...["sh", "-c", `exec "$@" 2>&1`, "sh", "dnsmasq", "--no-daemon"],
    ...["--conf-file=/dev/null", "--port=0", "--interface=eth0"],
    ...["--bind-interfaces", "--dhcp-authoritative", "--no-ping"],
    "--user=root",
    `--pid-file=`,
    `--dhcp-range=${net}100,${net}110,120`,
    `--dhcp-leasefile=${root}/dnsmasq.leases`,
  ]);
  await spawned.shows(/sockets bound exclusively/);
  return spawned;
}

/** One lease, appended to the file; no script changes the guest's resolver. */
async function renew(namespace: Namespace, root: string): Promise<void> {
  const client = namespace.spawn([
    ...["sh", "-c", `exec "$@" 2>&1`, "sh", "dhclient", "-4", "-d"],
    ...["-sf", "/bin/true", "-pf", `${root}/dhclient.pid`],
    ...["-lf", `${root}${LEASES}`, "eth0"],
  ]);
  await client.shows(/^bound to /m);
  await client.kill();
  const [, address = ""] = /^bound to ([\d.]+)/m.exec(client.stdout()) ?? [];
  // What dhclient's script would have done.
  await setAddress(namespace, address);
}

const INSTANCE_ID = "/latest/meta-data/instance-id";

/** The router at an address: DHCP, and metadata of an instance. */
async function startRouter(
  guest: Guest,
  address: string,
  instance: string,
): Promise<AsyncDisposable> {
  const dhcp = await guest.route(address);
  const data = `/${instance}.yaml`;
  await guest.write(data, `meta-data: {instance-id: ${instance}}\n`);
  const service = await startProgram([
    ...["simulate", `--listen=${address}:80`, "--listen-anywhere"],
    `--data=${guest.root}${data}`,
  ], { namespace: guest.network.name, cwd: "/" });
  return {
    async [Symbol.asyncDispose]() {
      await service.stop();
      await dhcp.kill();
    },
  };
}

/** The program on the guest, as a user. */
async function startOn(
  guest: Guest,
  line: string,
  uid: number,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProgram> {
  return await startProgram(line.split(" "), {
    namespace: guest.namespace.name,
    cwd: "/",
    before: [...guest.within, ...asUser(uid)],
    env,
  });
}

/** Moves the router while the program asks for it through a URL. */
async function follow(
  guest: Guest,
  program: RunningProgram,
  url: string,
): Promise<void> {
  const see = (path: string) => askAs(guest.namespace, 1000, `${url}${path}`);
  {
    await using _ = await startRouter(guest, "10.78.0.1", "i-one");
    await guest.renew();
    await until(
      "the router is found",
      async () => await see(REGION) === EMULATED,
    );
    assertEquals(await see(INSTANCE_ID), "i-one");
    await program.logged(
      /info virtual router found interface=eth0 address=10\.78\.0\.1 from=\/var\/lib\/dhcp\//,
    );
  }
  await using _ = await startRouter(guest, "10.78.0.7", "i-seven");
  await guest.renew();
  await until(
    "the router is found again",
    async () => await see(INSTANCE_ID) === "i-seven",
  );
  assertEquals(await see(REGION), EMULATED);
  await program.logged(
    /info virtual router moved interface=eth0 address=10\.78\.0\.7 /,
  );
}

testWith(NEEDS)(
  "serve --iptables finds CloudStack's router for its child, and follows it",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    // Not a default route, which would be believed where no lease is.
    await guest.namespace.must([
      ...["ip", "route", "add", "169.254.169.254", "dev", "lo"],
      ...["src", "127.0.0.1"],
    ]);
    await using program = await startOn(
      guest,
      "serve --iptables --upstream cloudstack:eth0",
      0,
    );
    await follow(guest, program, "http://169.254.169.254");

    await using _ = await startRouter(guest, "10.78.0.9", "i-nine");
    await guest.renew();
    const child = await childOf(program);
    assert(child !== undefined);
    Deno.kill(child, "SIGKILL");
    await program.logged(/info the proxy listens again/);
    await until("a new child is told", async () =>
      await askAs(
        guest.namespace,
        1000,
        `http://169.254.169.254${INSTANCE_ID}`,
      ) === "i-nine");
    const { code, stderr } = await program.stop();
    assertEquals(code, 0, stderr);
  },
);

testWith(NEEDS)(
  "serve finds CloudStack's router in a real lease and follows it, by mdproxy4cs's variables alone",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    // What its pre-start.sh does.
    await guest.namespace.must([
      ...["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"],
    ]);
    await using program = await startOn(guest, "serve", 1000, {
      MDPROXY4CS_INAME: "eth0",
      MDPROXY4CS_LOG_LEVEL: "debug",
      MDPROXY4CS_LOG_FILE: "-",
      MDPROXY4CS_HTTP_LISTEN: "169.254.169.254:39724",
    });
    assertEquals(program.url, "http://169.254.169.254:39724");
    assertStringIncludes(
      await askAs(guest.namespace, 0, `${program.url}${REGION}`),
      'Cannot find the virtual router of "eth0": no lease is there',
    );
    await follow(guest, program, program.url);
    assertMatch(program.stderr(), / debug request method=GET /);
  },
);
