import { assertEquals, assertMatch } from "@std/assert";
import { holdAddress } from "../../lib/commands/serve_address.ts";
import { recordLog } from "../helpers/log.ts";
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
  { serves = true, wanted = WANTED, log = recordLog().log } = {},
): Promise<number> {
  const held = await holdAddress(wanted, { run, log });
  if (serves) held.serving();
  const there = addresses.filter((it) => it.startsWith(ADDRESS)).length;
  await held.release();
  return there;
}

const OURS = `${ADDRESS} host lo:c2s`;
const THEIRS = `${ADDRESS} host lo`;
const WITHOUT = { wanted: { address: false, arpIgnore: false } };

/** What is left of what was there. */
const CASES: readonly (readonly [
  what: string,
  before: readonly string[],
  left: readonly string[],
  how?: Parameters<typeof hold>[1],
])[] = [
  ["removes what it added", [], []],
  ["removes what it added in vain", [], [], { serves: false }],
  ["takes over what one that was killed left behind", [OURS], []],
  ["leaves what it found in vain", [OURS], [OURS], { serves: false }],
  ["leaves the address of another program", [THEIRS], [THEIRS]],
  ["leaves what it finds where it wants none", [OURS], [OURS], WITHOUT],
];

for (const [what, before, left, how] of CASES) {
  Deno.test(`holdAddress() ${what}`, async () => {
    const fake = createQuiet(...before);
    assertEquals(await hold(fake, how), 1);
    assertEquals(fake.addresses, ["127.0.0.1/8 host lo", ...left]);
  });
}

Deno.test("holdAddress() logs it when the address cannot be removed", async () => {
  const fake = createQuiet();
  fake.refusals.set("ip address delete", NOT_PERMITTED);
  const { log, lines } = recordLog();
  assertEquals(await hold(fake, { log }), 1);
  assertMatch(
    lines.at(-1) ?? "",
    / error cannot remove the service's address error="Cannot remove 169\.254\.169\.254\/32 from lo: /,
  );
});
