import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { holdAddress } from "../../lib/commands/serve_address.ts";
import { LinkError } from "../../lib/cloudstack/ip_command.ts";
import { createLog } from "../../lib/observe/log.ts";
import {
  createFakeLink,
  type FakeLink,
  NOT_PERMITTED,
} from "../cloudstack/fake_link.ts";

const ADDRESS = "169.254.169.254/32";
const WANTED = { address: true, arpIgnore: false };

/** A machine whose neighbours get no answer. */
function createQuiet(...addresses: string[]): FakeLink {
  const fake = createFakeLink();
  fake.arp.all = 1;
  fake.addresses.push(...addresses);
  return fake;
}

/** Holds the address for a while; tells how it stood meanwhile. */
async function hold(
  { run, addresses }: FakeLink,
  { serves = true, wanted = WANTED, log = [] as string[] } = {},
): Promise<number> {
  const held = await holdAddress(wanted, {
    run,
    log: createLog({
      level: "info",
      format: "text",
      write: (line) => log.push(line),
    }),
  });
  if (serves) held.serving();
  const there = addresses.filter((it) => it.startsWith(ADDRESS)).length;
  await held.release();
  return there;
}

Deno.test("holdAddress() adds the address and removes it at the end", async () => {
  for (const serves of [true, false]) {
    const fake = createQuiet();
    assertEquals(await hold(fake, { serves }), 1);
    assertEquals(fake.addresses, ["127.0.0.1/8 host lo"]);
  }
});

Deno.test("holdAddress() changes nothing when the address is not wanted", async () => {
  const fake = createQuiet();
  const wanted = { address: false, arpIgnore: false };
  assertEquals(await hold(fake, { wanted }), 0);
  assertEquals(fake.changes, []);
});

Deno.test("holdAddress() takes over what one that was killed left behind", async () => {
  const fake = createQuiet(`${ADDRESS} host lo:c2s`);
  assertEquals(await hold(fake), 1);
  assertEquals(fake.addresses, ["127.0.0.1/8 host lo"]);
});

Deno.test("holdAddress() leaves what it found when nobody came to serve", async () => {
  const fake = createQuiet(`${ADDRESS} host lo:c2s`);
  await hold(fake, { serves: false });
  assertEquals(fake.changes, []);
});

Deno.test("holdAddress() leaves the address of another program", async () => {
  const fake = createQuiet(`${ADDRESS} host lo`);
  await hold(fake);
  assertEquals(fake.changes, []);
});

Deno.test("holdAddress() sets arp_ignore only where it may, and puts it back", async () => {
  const fake = createFakeLink();
  await assertRejects(() => hold(fake), LinkError, 'neighbours on "eth0"');
  assertEquals(fake.changes, []);
  const log: string[] = [];
  await hold(fake, { wanted: { address: true, arpIgnore: true }, log });
  assertEquals(fake.arp, { all: 0, eth0: 0 });
  assertMatch(log.join(""), /added=true arp_ignore_set=true\n$/);
});

Deno.test("holdAddress() logs it when the address cannot be removed", async () => {
  const fake = createQuiet();
  fake.refusals.set("ip address delete", NOT_PERMITTED);
  const log: string[] = [];
  assertEquals(await hold(fake, { log }), 1);
  assertMatch(
    log.at(-1) ?? "",
    / error cannot remove the service's address error="Cannot remove 169\.254\.169\.254\/32 from lo: /,
  );
});
