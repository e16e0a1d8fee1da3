import { assertEquals } from "@std/assert";
import { parseConnections } from "../../lib/netfilter/clients.ts";
import {
  findRival,
  type Lead,
  leadsOf,
  rivalAmong,
  strangerAmong,
} from "../../lib/netfilter/leads.ts";
import type { Seen } from "../../lib/netfilter/verdict.ts";

const JUMP =
  "-A OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";

function iptables(...rules: readonly string[]): Seen {
  return {
    backend: "nft",
    family: "ip",
    table: { chain: true, jumps: [JUMP], rules, warnings: [] },
    checks: undefined,
  };
}

const INSTALLED = iptables(
  "-A C2S-IMDS -m owner --uid-owner 10169 -m comment --comment c2s-imds -j RETURN",
  "-A C2S-IMDS -p tcp -m comment --comment c2s-imds -j REDIRECT --to-ports 4000",
);

const NATIVE: Seen = {
  backend: "nftables",
  family: "ip",
  native: {
    present: true,
    rules: [
      "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000",
    ],
  },
};

const LEAD: Lead = { port: 4000, uid: 10169 };

Deno.test("leadsOf() reads the port and the uid in every backend", () => {
  assertEquals(leadsOf(INSTALLED), [LEAD]);
  assertEquals(leadsOf(NATIVE), [LEAD]);
  assertEquals(leadsOf(iptables()), []);
});

/** Listening sockets as /proc/net/tcp and tcp6 have them. */
function listeners(...sockets: readonly (readonly [string, number])[]): string {
  return sockets.map(([local, uid]) => {
    const any = local.length > 13 ? "0".repeat(32) : "0".repeat(8);
    return `   1: ${local} ${any}:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0000000000000000 20 4 30 10 -1\n`;
  }).join("");
}

const LOOPBACK = "0100007F:0FA0";
const PROC = {
  "the proxy's user": listeners([LOOPBACK, 10169]),
  "the proxy's user on any address": listeners(["00000000:0FA0", 10169]),
  "the proxy's user on any IPv6 address": listeners([
    `${"0".repeat(32)}:0FA0`,
    10169,
  ]),
  "a stranger": listeners([LOOPBACK, 1000]),
  "root": listeners([LOOPBACK, 0]),
  "the proxy's user on another port": listeners(["0100007F:0FA1", 10169]),
  "the proxy's user on another address": listeners(["0708090A:0FA0", 10169]),
  "nobody": "",
};

for (const [who, text] of Object.entries(PROC)) {
  const isRival = /user(?: on any.*)?$/.test(who);
  Deno.test(`rivalAmong() finds ${isRival ? "a" : "no"} rival when ${who} listens`, () => {
    const sockets = parseConnections(text, "0A");
    assertEquals(rivalAmong([LEAD], sockets, []), isRival ? LEAD : undefined);
    assertEquals(rivalAmong([LEAD], sockets, [4000]), undefined);
    assertEquals(rivalAmong([], sockets, []), undefined);
  });
  const stranger = who === "a stranger" ? { port: 4000, uid: 1000 } : undefined;
  Deno.test(`strangerAmong() finds ${stranger ? "a" : "no"} stranger when ${who} listens`, () => {
    const sockets = parseConnections(text, "0A");
    assertEquals(strangerAmong([LEAD], sockets, [4000], 10169), stranger);
    // The rule may be made to exempt another; then the proxy is no stranger.
    const wrong = { port: 4000, uid: 12345 };
    assertEquals(strangerAmong([wrong], sockets, [4000], 10169), stranger);
    assertEquals(strangerAmong([LEAD], sockets, [4000], 1000), undefined);
    assertEquals(strangerAmong([LEAD], sockets, [4001], 10169), undefined);
    assertEquals(strangerAmong([], sockets, [4000], 10169), undefined);
  });
}

Deno.test("findRival() asks nothing when the rule leads to our own port", async () => {
  const asked: string[] = [];
  const run = (argv: readonly string[]) => {
    asked.push(argv.join(" "));
    return Promise.resolve({
      code: 0,
      stdout: PROC["the proxy's user"],
      stderr: "",
    });
  };
  assertEquals(await findRival([INSTALLED], [4000], run), undefined);
  assertEquals(await findRival([iptables()], [], run), undefined);
  assertEquals(asked, []);
  assertEquals(await findRival([INSTALLED], [4001], run), LEAD);
  assertEquals(asked, ["cat /proc/net/tcp /proc/net/tcp6"]);
});
