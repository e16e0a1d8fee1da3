import { assertEquals, assertRejects } from "@std/assert";
import {
  addAddress,
  type AddedAddress,
  parseAddresses,
  readAddress,
  removeAddress,
} from "../../lib/cloudstack/address.ts";
import { LinkError } from "../../lib/cloudstack/ip_command.ts";
import { createFakeLink, type FakeLink, NOT_PERMITTED } from "./fake_link.ts";

const LOOPBACK = "127.0.0.1/8 host lo";
const OURS = "169.254.169.254/32 host lo:c2s";
const OURS_WITH_ARP = "169.254.169.254/32 host lo:c2s-arp";
const FOREIGN = "169.254.169.254/32 global lo";

function state({ addresses, arp }: FakeLink): readonly unknown[] {
  return [addresses.slice(1), arp.all];
}

function added(
  added: boolean,
  { set, noted, ours }: Record<"set" | "noted" | "ours", boolean>,
): AddedAddress {
  return { added, arpIgnoreSet: set, arpIgnoreNoted: noted, ours };
}

async function refused(
  promise: () => Promise<unknown>,
): Promise<[string, string]> {
  const error = await assertRejects(promise, LinkError);
  return [error.kind, error.message];
}

Deno.test("addAddress() refuses when neighbours would reach it", async () => {
  const fake = createFakeLink();
  assertEquals(
    await refused(() => addAddress(fake.run, { arpIgnore: false })),
    [
      "exposed",
      'Cannot add 169.254.169.254/32 to lo: neighbours on "eth0" would reach it, run "sysctl -w net.ipv4.conf.all.arp_ignore=1" or give --arp-ignore',
    ],
  );
  assertEquals(fake.changes, []);
});

Deno.test("addAddress() changes no setting when neighbours are kept out", async () => {
  for (const arp of [{ all: 1, eth0: 0 }, { all: 0, eth0: 2 }]) {
    const fake = createFakeLink();
    fake.arp = { ...arp };
    for (const arpIgnore of [false, true]) {
      assertEquals(
        await addAddress(fake.run, { arpIgnore }),
        added(!arpIgnore, { set: false, noted: false, ours: true }),
      );
      assertEquals(fake.addresses, [LOOPBACK, OURS]);
    }
    assertEquals(await removeAddress(fake.run), {
      removed: true,
      arpIgnoreReset: false,
    });
    assertEquals([fake.addresses, fake.arp], [[LOOPBACK], arp]);
  }
});

Deno.test("removeAddress() puts back what addAddress() set", async () => {
  const fake = createFakeLink();
  assertEquals(
    await addAddress(fake.run, { arpIgnore: true }),
    added(true, { set: true, noted: true, ours: true }),
  );
  // Neighbours are kept out before there is anything to reach.
  assertEquals(fake.changes.map((line) => line.split(" ")[0]), ["tee", "ip"]);
  assertEquals(state(fake), [[OURS_WITH_ARP], 1]);
  assertEquals(
    await addAddress(fake.run, { arpIgnore: true }),
    added(false, { set: false, noted: true, ours: true }),
  );
  assertEquals(await removeAddress(fake.run), {
    removed: true,
    arpIgnoreReset: true,
  });
  assertEquals(state(fake), [[], 0]);
  assertEquals(await removeAddress(fake.run), {
    removed: false,
    arpIgnoreReset: false,
  });
});

Deno.test("removeAddress() leaves a setting alone that another has changed", async () => {
  const fake = createFakeLink();
  await addAddress(fake.run, { arpIgnore: true });
  fake.arp.all = 2;
  assertEquals(await removeAddress(fake.run), {
    removed: true,
    arpIgnoreReset: false,
  });
  assertEquals(state(fake), [[], 2]);
});

Deno.test("addAddress() sets arp_ignore again when another has reset it", async () => {
  const fake = createFakeLink();
  await addAddress(fake.run, { arpIgnore: true });
  fake.arp.all = 0;
  assertEquals(
    await addAddress(fake.run, { arpIgnore: true }),
    added(false, { set: true, noted: true, ours: true }),
  );
  assertEquals(state(fake), [[OURS_WITH_ARP], 1]);
});

Deno.test("addAddress() takes a foreign address as it is when nobody reaches it", async () => {
  const fake = createFakeLink();
  fake.addresses.push(FOREIGN);
  fake.arp.all = 1;
  assertEquals(
    await addAddress(fake.run, { arpIgnore: false }),
    added(false, { set: false, noted: false, ours: false }),
  );
  // Under 3, addresses of scope host are safe, and this one is not.
  fake.arp.all = 3;
  const [kind] = await refused(() => addAddress(fake.run, { arpIgnore: true }));
  assertEquals(kind, "exposed");
  assertEquals(state(fake), [[FOREIGN], 3]);
});

Deno.test("addAddress() sets arp_ignore where the address was there before, for good", async () => {
  const fake = createFakeLink();
  fake.addresses.push(FOREIGN);
  assertEquals(
    await addAddress(fake.run, { arpIgnore: true }),
    added(false, { set: true, noted: false, ours: false }),
  );
  assertEquals((await removeAddress(fake.run)).arpIgnoreReset, false);
  assertEquals(state(fake), [[], 1]);
});

Deno.test("addAddress() sets nothing that does not keep neighbours out", async () => {
  for (const arp of [{ all: 4, eth0: 0 }, { all: 0, eth0: 5 }]) {
    const fake = createFakeLink();
    fake.arp = arp;
    assertEquals(
      (await refused(() => addAddress(fake.run, { arpIgnore: true })))[1],
      'Cannot add 169.254.169.254/32 to lo: neighbours on "eth0" would reach it, arp_ignore has a value that does not keep them out',
    );
    assertEquals(fake.changes, []);
  }
});

Deno.test("addAddress() refuses those who could not have added what is there", async () => {
  for (const there of [OURS, FOREIGN]) {
    const fake = createFakeLink();
    fake.addresses.push(there);
    fake.arp.all = 1;
    fake.refusals.set("ip address add", NOT_PERMITTED);
    const [kind] = await refused(() =>
      addAddress(fake.run, { arpIgnore: true })
    );
    assertEquals(kind, "no permission", there);
  }
});

Deno.test("addAddress() puts arp_ignore back when the address cannot be added", async () => {
  const fake = createFakeLink();
  fake.refusals.set("ip address add", NOT_PERMITTED);
  assertEquals(
    await refused(() => addAddress(fake.run, { arpIgnore: true })),
    [
      "no permission",
      'Cannot add 169.254.169.254/32 to lo: "ip" was refused, run it as root outside any user namespace',
    ],
  );
  assertEquals(state(fake), [[], 0]);
});

Deno.test("addAddress() is content when another adds the same meanwhile", async () => {
  const fake = createFakeLink();
  fake.arp.all = 1;
  fake.before = (line) => {
    if (line.startsWith("ip address add")) fake.addresses.push(OURS);
  };
  assertEquals((await addAddress(fake.run, { arpIgnore: false })).added, false);
  assertEquals(state(fake), [[OURS], 1]);
});

Deno.test("addAddress() says in one line what it lacks", async () => {
  for (
    const [start, answer, kind, message] of [
      [
        "ip",
        "not found",
        "no tool",
        '"ip" is not on PATH, install iproute2 (Debian, Alpine) or iproute (RHEL, UBI)',
      ],
      [
        "ip -o link",
        "timeout",
        "timeout",
        '"ip" did not end in time and was stopped',
      ],
      [
        "tee",
        {
          code: 1,
          stdout: "1\n",
          stderr: "tee: /proc/sys/…: Read-only file system\n",
        },
        "no permission",
        "/proc/sys is read-only here, as in most containers",
      ],
      [
        "ip -o -4",
        { code: 1, stdout: "", stderr: 'Device "lo" does not exist.\n' },
        "other",
        '"ip" ended with code 1: Device "lo" does not exist.',
      ],
      [
        "cat /proc/sys",
        { code: 0, stdout: "0\n", stderr: "" },
        "other",
        "arp_ignore is unreadable",
      ],
    ] as const
  ) {
    const fake = createFakeLink();
    fake.refusals.set(start, answer);
    assertEquals(
      await refused(() => addAddress(fake.run, { arpIgnore: true })),
      [kind, `Cannot add 169.254.169.254/32 to lo: ${message}`],
    );
    assertEquals(fake.arp.all, 0);
  }
});

Deno.test("addAddress() names the capability that is missing", async () => {
  const fake = createFakeLink();
  fake.refusals.set("ip address add", NOT_PERMITTED);
  fake.refusals.set("cat /proc/self/status", {
    code: 0,
    stdout: "CapEff:\t0000000000000000\n",
    stderr: "",
  });
  assertEquals(
    (await refused(() => addAddress(fake.run, { arpIgnore: true })))[1],
    "Cannot add 169.254.169.254/32 to lo: this process lacks CAP_NET_ADMIN, run it as root or give its container NET_ADMIN",
  );
});

Deno.test("readAddress() tells how things stand", async () => {
  const fake = createFakeLink();
  const there = (there: boolean, ours: boolean, answering: string[]) => ({
    there,
    ours,
    answering,
  });
  assertEquals(await readAddress(fake.run), there(false, false, ["eth0"]));
  await addAddress(fake.run, { arpIgnore: true });
  assertEquals(await readAddress(fake.run), there(true, true, []));
  fake.addresses = [FOREIGN];
  fake.arp.all = 3;
  assertEquals(await readAddress(fake.run), there(true, false, ["eth0"]));
});

Deno.test("parseAddresses() reads address, label and scope", () => {
  const listed =
    `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet 169.254.169.254/32 scope host lo:c2s-arp\\       valid_lft forever preferred_lft forever
1: lo    inet 10.1.1.24/24 brd 10.1.1.255 scope global dynamic noprefixroute lo\\       valid_lft 3580sec preferred_lft 3580sec
1: lo    inet 10.8.0.2 peer 10.8.0.1/32 scope global lo\\       valid_lft forever preferred_lft forever
`;
  assertEquals(
    parseAddresses(listed).map((one) => Object.values(one).join(" ")),
    [
      "127.0.0.1/8 lo host",
      "169.254.169.254/32 lo:c2s-arp host",
      "10.1.1.24/24 lo global",
      "10.8.0.2 lo global",
    ],
  );
  assertEquals(parseAddresses('Device "lo" does not exist.\n'), []);
});
