import { assertEquals, assertThrows } from "@std/assert";
import { emptyReading, plan } from "../../lib/rule/plan.ts";
import type { Reading } from "../../lib/rule/read.ts";
import {
  type Backend,
  DEFAULT_DESTINATION,
  type Desired,
  DESTINATION_IPV6,
} from "../../lib/rule/rule.ts";
import { RuleError } from "../../lib/rule/rule_error.ts";
import { REPOSITORY } from "../helpers/files.ts";
import { blocksOf } from "../helpers/markdown.ts";
import {
  FILTER,
  guard,
  GUARD_JUMP,
  JUMP,
  machine,
  NAT,
  nft,
  NONE,
  OPEN,
  reading,
  redirect,
} from "./samples.ts";

/** What is fed, as `iptables --dry-run` shows it. */
function shown(desired: Desired, found: Reading, backend: Backend): string {
  return plan(desired, found, machine(backend))
    .map(({ argv, stdin }) => `# ${argv.join(" ")}\n${stdin}`).join("");
}

/** IPv4 redirected, IPv6 refused: what `iptables install` wants. */
const BOTH: Desired = {
  state: "open",
  uid: 10_169,
  targets: [
    { ...DESTINATION_IPV6, port: undefined },
    { ...DEFAULT_DESTINATION, port: 4000 },
  ],
};

for (const backend of ["nft", "legacy"] as const) {
  Deno.test(`plan() installs the design's rule set where nothing is there (${backend})`, () => {
    assertEquals(
      shown(BOTH, emptyReading(machine(backend)), backend),
      `# ip6tables-${backend}-restore -w 5 --noflush
*filter
:C2S-IMDS - [0:0]
-I OUTPUT 1 -p tcp -m comment --comment c2s-imds -j C2S-IMDS
-A C2S-IMDS -d fd00:ec2::254/128 -p tcp -m tcp --dport 80 -m owner --socket-exists ! --uid-owner 10169 -m comment --comment c2s-imds -j REJECT --reject-with tcp-reset
COMMIT
# iptables-${backend}-restore -w 5 --noflush
*filter
:C2S-IMDS - [0:0]
-I OUTPUT 1 -p tcp -m comment --comment c2s-imds -j C2S-IMDS
-A C2S-IMDS -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --socket-exists ! --uid-owner 10169 -m comment --comment c2s-imds -j REJECT --reject-with tcp-reset
-A C2S-IMDS -o lo -p tcp -m tcp --sport 4000 --tcp-flags SYN,ACK SYN,ACK -m owner ! --uid-owner 10169 -m comment --comment c2s-imds -j DROP
-A C2S-IMDS -o lo -p tcp -m tcp --sport 4000 --tcp-flags RST NONE -m owner --socket-exists ! --uid-owner 10169 -m comment --comment c2s-imds -j DROP
-A C2S-IMDS -o lo -p tcp -m conntrack --ctstate DNAT --ctorigdst 169.254.169.254 --ctorigdstport 80 --ctdir REPLY -m tcp --tcp-flags SYN,ACK SYN,ACK -m owner ! --uid-owner 10169 -m comment --comment c2s-imds -j DROP
-A C2S-IMDS -o lo -p tcp -m conntrack --ctstate DNAT --ctorigdst 169.254.169.254 --ctorigdstport 80 --ctdir REPLY -m tcp --tcp-flags RST NONE -m owner --socket-exists ! --uid-owner 10169 -m comment --comment c2s-imds -j DROP
COMMIT
# iptables-${backend}-restore -w 5 --noflush
*nat
:C2S-IMDS - [0:0]
-I OUTPUT 1 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS
-A C2S-IMDS -m owner --uid-owner 10169 -m comment --comment c2s-imds -j RETURN
-A C2S-IMDS -p tcp -m comment --comment c2s-imds -j REDIRECT --to-ports 4000
COMMIT
`,
    );
  });
}

Deno.test("plan() feeds for IPv4 what docs/rule.md shows", () => {
  const page = Deno.readTextFileSync(new URL("docs/rule.md", REPOSITORY));
  const [block] = blocksOf(page)
    .filter(({ text }) => text.startsWith("*filter\n"));
  const fed = plan(BOTH, emptyReading(machine("nft")), machine("nft"))
    .filter(({ family }) => family === "ip").map(({ stdin }) => stdin);
  assertEquals(block?.text, fed.join(""));
});

Deno.test("plan() replaces native nft's tables as a whole", () => {
  assertEquals(
    shown(BOTH, emptyReading(machine("nftables")), "nftables"),
    `# nft -f -
table ip6 c2s-imds
delete table ip6 c2s-imds
table ip6 c2s-imds {
	chain output {
		type nat hook output priority -101; policy accept;
	}
	chain guard {
		type filter hook output priority 0; policy accept;
		ip6 daddr fd00:ec2::254 tcp dport 80 meta skuid != 10169 reject with tcp reset
	}
}
# nft -f -
table ip c2s-imds
delete table ip c2s-imds
table ip c2s-imds {
	chain output {
		type nat hook output priority -101; policy accept;
		ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000
	}
	chain guard {
		type filter hook output priority 0; policy accept;
		ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 reject with tcp reset
		oifname "lo" tcp sport 4000 meta skuid 10169 accept
		oifname "lo" tcp sport 4000 tcp flags & (syn | ack) == syn | ack drop
		oifname "lo" tcp sport 4000 tcp flags & rst == 0 meta skuid != 10169 drop
		oifname "lo" ct direction reply ct status dnat ct original ip daddr 169.254.169.254 meta skuid 10169 accept
		oifname "lo" ct direction reply ct status dnat ct original ip daddr 169.254.169.254 tcp flags & (syn | ack) == syn | ack drop
		oifname "lo" ct direction reply ct status dnat ct original ip daddr 169.254.169.254 tcp flags & rst == 0 meta skuid != 10169 drop
	}
}
`,
  );
});

/** One table's input of our chain. */
function input(table: string, ...lines: readonly string[]): string {
  return [`*${table}`, ":C2S-IMDS - [0:0]", ...lines, "COMMIT", ""].join("\n");
}

const REMOVE = {
  nat: input("nat", `-D OUTPUT ${JUMP}`, "-F C2S-IMDS", "-X C2S-IMDS"),
  filter: input(
    "filter",
    `-D OUTPUT ${GUARD_JUMP}`,
    "-F C2S-IMDS",
    "-X C2S-IMDS",
  ),
};
const OLD_JUMP = JUMP.replace("--dport 80", "--dport 8080");
const NATIVE = { backend: "nftables", family: "ip" } as const;
const IP6 = { ...nft(NONE, FILTER), family: "ip6" } as const;

const FEEDS: readonly [
  name: string,
  desired: Desired,
  found: Reading,
  stdin: readonly string[],
][] = [
  ["nothing where all is right", OPEN, reading(nft(NAT, FILTER)), []],
  [
    "nothing where nothing shall be",
    { state: "absent" },
    reading(nft(NONE, NONE), { ...NATIVE, native: undefined }),
    [],
  ],
  [
    "the redirect alone where the guard stands",
    OPEN,
    reading(nft(NONE, FILTER)),
    [
      input("nat", `-I OUTPUT 1 ${JUMP}`, ...redirect()),
    ],
  ],
  [
    "the guard alone where the redirect stands: the rule of 0.1.0",
    OPEN,
    reading(nft(NAT, NONE)),
    [
      input("filter", `-I OUTPUT 1 ${GUARD_JUMP}`, ...guard()),
    ],
  ],
  [
    "our chain alone where the jump is right",
    OPEN,
    reading(nft({ ...NAT, chain: [] }, FILTER)),
    [
      input("nat", ...redirect()),
    ],
  ],
  [
    "every jump by its own text where one is wrong or too many",
    OPEN,
    reading(
      nft(
        { ...NAT, output: [`-A OUTPUT ${JUMP}`, `-A OUTPUT ${OLD_JUMP}`] },
        FILTER,
      ),
    ),
    [
      input(
        "nat",
        `-D OUTPUT ${JUMP}`,
        `-D OUTPUT ${OLD_JUMP}`,
        `-I OUTPUT 1 ${JUMP}`,
        ...redirect(),
      ),
    ],
  ],
  [
    "the jump at position 1 where another rule ends OUTPUT",
    OPEN,
    reading(
      nft(NAT, {
        ...FILTER,
        output: ["-A OUTPUT -o lo -j ACCEPT", ...FILTER.output],
      }),
    ),
    [
      input(
        "filter",
        `-D OUTPUT ${GUARD_JUMP}`,
        `-I OUTPUT 1 ${GUARD_JUMP}`,
        ...guard(),
      ),
    ],
  ],
  [
    "a guard of both ports while the port changes",
    OPEN,
    reading(
      nft({ ...NAT, chain: redirect(4001) }, {
        ...FILTER,
        chain: guard([4001]),
      }),
    ),
    [
      input("filter", ...guard([4000, 4001])),
      input("nat", ...redirect()),
      input("filter", ...guard()),
    ],
  ],
  [
    "the redirect first, the guard last, where both go",
    { state: "absent" },
    reading(nft(NAT, FILTER)),
    [
      REMOVE.nat,
      REMOVE.filter,
    ],
  ],
  [
    "what is right first, what stands elsewhere last",
    OPEN,
    reading(IP6, nft(NONE, FILTER)),
    [
      input("nat", `-I OUTPUT 1 ${JUMP}`, ...redirect()),
      REMOVE.filter,
    ],
  ],
  [
    "native nft's rules but its nat chain while it drains",
    { state: "draining" },
    reading({ ...NATIVE, native: ["x"] }, nft(NONE, FILTER)),
    [
      `table ip c2s-imds\ndelete table ip c2s-imds\ntable ip c2s-imds {\n\tchain output {\n\t\ttype nat hook output priority -101; policy accept;\n\t}\n}\n`,
      REMOVE.filter,
    ],
  ],
  [
    "the guard's end before the redirect's while the proxy still listens",
    { state: "draining" },
    reading(nft(NAT, FILTER)),
    [REMOVE.filter, REMOVE.nat],
  ],
  [
    "the redirect's end before the guard's when the proxy is gone",
    { state: "absent" },
    reading(nft(NAT, FILTER)),
    [REMOVE.nat, REMOVE.filter],
  ],
  [
    "nothing where native nft drains already",
    { state: "draining" },
    reading({ ...NATIVE, native: [] }),
    [],
  ],
  [
    "native nft's table at the end",
    { state: "absent" },
    reading({ ...NATIVE, native: [] }),
    [
      "table ip c2s-imds\ndelete table ip c2s-imds\n",
    ],
  ],
  [
    "jumps by their handles where iptables cannot list OUTPUT",
    { state: "absent" },
    reading(nft({ ...NAT, handles: ["7", "9"] }, NONE)),
    [
      "delete rule ip nat OUTPUT handle 7\ndelete rule ip nat OUTPUT handle 9\nadd chain ip nat C2S-IMDS\nflush chain ip nat C2S-IMDS\ndelete chain ip nat C2S-IMDS\n",
    ],
  ],
  [
    "our chain alone where iptables cannot list OUTPUT",
    OPEN,
    reading(nft({ ...NAT, chain: [], handles: "unknown" }, FILTER)),
    [
      input("nat", ...redirect()),
    ],
  ],
];

for (const [name, desired, found, stdin] of FEEDS) {
  Deno.test(`plan() feeds ${name}`, () => {
    const feeds = plan(desired, found, machine("nft"));
    assertEquals(feeds.map((feed) => feed.stdin), stdin);
  });
}

Deno.test("plan() refuses to put a jump among rules that iptables cannot list", () => {
  assertThrows(
    () =>
      plan(
        OPEN,
        reading(nft({ ...NONE, handles: [] }, FILTER)),
        machine("nft"),
      ),
    RuleError,
    'Cannot install the rule: table "ip nat" holds native nft rules',
  );
});
