import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  addAddress,
  readAddress,
  removeAddress,
} from "../../lib/cloudstack/address.ts";
import { LinkError } from "../../lib/cloudstack/ip_command.ts";
import { createFakeLink, type FakeLink, NOT_PERMITTED } from "./fake_link.ts";

const OURS = "169.254.169.254/32 host lo:c2s";
const OURS_WITH_ARP = "169.254.169.254/32 host lo:c2s-arp";
const FOREIGN = "169.254.169.254/32 global lo";

/** A machine with more addresses on `lo`, and values of `arp_ignore`. */
function machine(arp: Partial<FakeLink["arp"]>, ...more: string[]): FakeLink {
  const fake = createFakeLink();
  Object.assign(fake.arp, arp);
  fake.addresses.push(...more);
  return fake;
}

function state({ addresses, arp }: FakeLink): readonly unknown[] {
  return [addresses.slice(1), arp.all];
}

/** Adds it; tells what of "added", "set", "noted" and "ours" is true. */
async function add({ run }: FakeLink, arpIgnore = true): Promise<string> {
  const result = await addAddress(run, { arpIgnore });
  const { added, arpIgnoreSet: set, arpIgnoreNoted: noted, ours } = result;
  return Object.entries({ added, set, noted, ours })
    .flatMap(([name, value]) => value ? [name] : []).join(" ");
}

async function refused(
  { run }: FakeLink,
  says: string,
  { arpIgnore = true, outOfReach = true } = {},
): Promise<void> {
  const adding = () => addAddress(run, { arpIgnore });
  const error = await assertRejects(adding, LinkError, says);
  assertEquals(error.exitCode, outOfReach ? 4 : 1, says);
  assert(error.message.startsWith("Cannot add 169.254.169.254/32 to lo: "));
}

Deno.test("addAddress() changes no setting when neighbours are kept out", async () => {
  for (const arp of [{ all: 1 }, { eth0: 2 }, { all: 4, eth0: 8 }]) {
    const fake = machine(arp);
    assertEquals(await add(fake, false), "added ours");
    assertEquals(await add(fake), "ours");
    assertEquals(fake.addresses.slice(1), [OURS]);
    const { arpIgnoreReset } = await removeAddress(fake.run);
    assertEquals([arpIgnoreReset, state(fake)], [false, [[], arp.all ?? 0]]);
  }
});

Deno.test("addAddress() refuses when neighbours would reach it, and nothing keeps them out", async () => {
  const value = "arp_ignore has a value that does not keep them out";
  for (
    const [arp, arpIgnore, says, ...there] of [
      [
        {},
        false,
        'run "sysctl -w net.ipv4.conf.all.arp_ignore=1" or give --arp-ignore',
      ],
      [{ all: 4 }, true, value],
      [{ eth0: 5 }, true, value],
      [{ all: 1, eth0: 3 }, true, value, FOREIGN],
      // Under 3, addresses of scope host are safe, and this one is not.
      [{ all: 3 }, true, value, FOREIGN],
    ] as const
  ) {
    const fake = machine(arp, ...there);
    const whole = `neighbours on "eth0" would reach it, ${says}`;
    await refused(fake, whole, { arpIgnore, outOfReach: false });
    assertEquals(fake.changes, []);
  }
});

Deno.test("removeAddress() puts back what addAddress() set", async () => {
  const fake = createFakeLink();
  assertEquals(await add(fake), "added set noted ours");
  // Neighbours are kept out before there is anything to reach.
  assertEquals(fake.changes.map((line) => line.split(" ")[0]), ["tee", "ip"]);
  assertEquals(state(fake), [[OURS_WITH_ARP], 1]);
  assertEquals(await add(fake), "noted ours");
  // Another has reset it.
  fake.arp.all = 0;
  assertEquals(await add(fake), "set noted ours");
  const { run } = fake;
  for (const once of [true, false]) {
    const result = { removed: once, arpIgnoreReset: once };
    assertEquals(await removeAddress(run), result);
    assertEquals(state(fake), [[], 0]);
  }
});

Deno.test("removeAddress() leaves a setting alone that is not noted, or that another has changed", async () => {
  const changed = createFakeLink();
  await add(changed);
  changed.arp.all = 2;
  const foreign = machine({}, FOREIGN);
  assertEquals(await add(foreign), "set");
  for (const [fake, all] of [[changed, 2], [foreign, 1]] as const) {
    const result = { removed: true, arpIgnoreReset: false };
    assertEquals(await removeAddress(fake.run), result);
    assertEquals(state(fake), [[], all]);
  }
});

Deno.test("addAddress() takes a foreign address as it is when nobody reaches it", async () => {
  assertEquals(await add(machine({ all: 1 }, FOREIGN), false), "");
});

Deno.test("addAddress() accepts that another adds the same meanwhile", async () => {
  const fake = machine({ all: 1 });
  fake.before = (line) => {
    if (line.startsWith("ip address add")) fake.addresses.push(OURS);
  };
  assertEquals(await add(fake), "ours");
});

Deno.test("addAddress() says in one line what it lacks, and changes nothing", async () => {
  const said = (code: number, stdout: string, stderr = "") => ({
    code,
    stdout,
    stderr,
  });
  const readOnly = "tee: /proc/sys/…: Read-only file system\n";
  const gone = 'Device "lo" does not exist.\n';
  for (
    const [start, answer, outOfReach, says] of [
      ["ip", "not found", true, '"ip" is not on PATH, install iproute2'],
      ["tee", "not found", true, '"tee" is not on PATH'],
      ["ip -o link", "timeout", false, '"ip" did not end in time'],
      ["tee", said(1, "1\n", readOnly), true, "/proc/sys is read-only here"],
      [
        "ip address add",
        NOT_PERMITTED,
        true,
        '"ip" was refused, run it as root',
      ],
      [
        "ip -o -4",
        said(1, "", gone),
        false,
        `"ip" ended with code 1: ${gone.trim()}`,
      ],
      ["cat /proc/sys", said(0, "0\n"), false, "arp_ignore is unreadable"],
    ] as const
  ) {
    const fake = createFakeLink();
    fake.refusals.set(start, answer);
    await refused(fake, says, { outOfReach });
    assertEquals(state(fake), [[], 0]);
  }
});

Deno.test("addAddress() refuses those who could not have added what is there, and names the capability", async () => {
  for (const there of [OURS, FOREIGN]) {
    const fake = machine({ all: 1 }, there);
    fake.refusals.set("ip address add", NOT_PERMITTED);
    fake.refusals.set("cat /proc/self/status", {
      code: 0,
      stdout: "CapEff:\t0000000000000000\n",
      stderr: "",
    });
    await refused(fake, "this process lacks CAP_NET_ADMIN");
  }
});

Deno.test("readAddress() tells how things stand", async () => {
  for (
    const [arp, listed, status] of [
      [{}, [], [false, false, ["eth0"]]],
      [{ all: 1 }, [OURS_WITH_ARP], [true, true, []]],
      [{ all: 1 }, ["169.254.169.25/32 host lo:c2s"], [false, false, []]],
      [{ all: 3 }, [FOREIGN], [true, false, ["eth0"]]],
    ] as const
  ) {
    const found = await readAddress(machine(arp, ...listed).run);
    assertEquals<unknown>([found.there, found.ours, found.answering], status);
  }
});

Deno.test("readAddress() reads what ip prints", async () => {
  const fake = machine({ all: 3 });
  for (
    const [address, links, answering] of [
      // The label follows the flags.
      [
        "169.254.169.254/32 brd 1.2.3.4 scope global dynamic noprefixroute lo:c2s",
        "2: eth0: <BROADCAST,UP> mtu",
        ["eth0"],
      ],
      [
        "169.254.169.254/32 scope host lo:c2s",
        "2: ifb0: <BROADCAST,NOARP> mtu\n5: eth0@if6: <BROADCAST,UP> mtu",
        [],
      ],
    ] as const
  ) {
    const said = (stdout: string) => ({ code: 0, stdout, stderr: "" });
    fake.refusals.set(
      "ip -o -4",
      said(`1: lo    inet 127.0.0.1/8 scope host lo\\  valid_lft forever
1: lo    inet ${address}\\       valid_lft forever preferred_lft forever\n`),
    );
    fake.refusals.set(
      "ip -o link",
      said(`1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue\n${links}\n`),
    );
    const status = { there: true, ours: true, answering: [...answering] };
    assertEquals(await readAddress(fake.run), status);
  }
});
