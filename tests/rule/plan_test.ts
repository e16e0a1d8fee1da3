import { assertEquals, assertThrows } from "@std/assert";
import { emptyPlaces, plan } from "../../lib/rule/plan.ts";
import { NONE, type PlaceReading } from "../../lib/rule/read.ts";
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
  filter,
  guard,
  GUARD_JUMP,
  JUMP,
  machine,
  nat,
  OPEN,
  place,
  redirect,
} from "./samples.ts";

/** IPv4 redirected, IPv6 refused: what `iptables install` wants. */
const BOTH: Desired = {
  state: "open",
  uid: 10_169,
  targets: [
    { ...DESTINATION_IPV6, port: undefined },
    { ...DEFAULT_DESTINATION, port: 4000 },
  ],
};

/** What is fed to an empty machine. */
function fed(backend: Backend) {
  const on = machine(backend);
  return plan(BOTH, { places: emptyPlaces(on) }, on);
}

for (const backend of ["nft", "legacy"] as const) {
  Deno.test(`plan() installs what the documentation shows where nothing is there (${backend})`, () => {
    const feeds = fed(backend);
    const restore = `tables-${backend}-restore -w 5 --noflush`;
    assertEquals(feeds.map(({ argv }) => argv.join(" ")), [
      `ip6${restore}`,
      `ip${restore}`,
      `ip${restore}`,
    ]);
    const text = Deno.readTextFileSync(new URL("docs/rule.md", REPOSITORY));
    const [block] = blocksOf(text).filter(({ text }) =>
      text.startsWith("*filter\n")
    );
    const [ip6 = "", ...ip] = feeds.map(({ stdin }) => stdin);
    assertEquals(ip.join(""), block?.text);
    assertEquals(
      ip6,
      ip[0]?.split("\n").filter((line) => !line.includes(" -o lo "))
        .join("\n").replace("169.254.169.254/32", "fd00:ec2::254/128"),
    );
  });
}

Deno.test("plan() replaces native nft's tables as a whole", () => {
  const feeds = fed("nftables");
  for (const { argv } of feeds) assertEquals(argv.join(" "), "nft -f -");
  assertEquals(
    feeds.map(({ stdin }) => stdin).join(""),
    `table ip6 c2s-imds
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

const END = ["-F C2S-IMDS", "-X C2S-IMDS"];
const REMOVE_NAT = input("nat", `-D OUTPUT ${JUMP}`, ...END);
const REMOVE_FILTER = input("filter", `-D OUTPUT ${GUARD_JUMP}`, ...END);
const INSTALL_NAT = input("nat", `-I OUTPUT 1 ${JUMP}`, ...redirect());
const INSTALL_FILTER = input(
  "filter",
  `-I OUTPUT 1 ${GUARD_JUMP}`,
  ...guard(),
);
const ABSENT: Desired = { state: "absent" };
const DRAINING: Desired = { state: "draining" };
const OLD_JUMP = JUMP.replace("--dport 80", "--dport 8080");
const RIGHT = place(nat(), filter());
const EMPTY = place(NONE, NONE);
const IP6 = { ...place(NONE, filter()), family: "ip6" } as const;
const NATIVE = place(NONE, NONE, "nftables");
const NATIVE_RULE = { ...NATIVE, filter: { output: [], chain: ["x"] } };
const NATIVE_DRAINED = { ...NATIVE, nat: { output: [], chain: [] } };
const NATIVE_GONE = "table ip c2s-imds\ndelete table ip c2s-imds\n";

const FEEDS: readonly [
  name: string,
  desired: Desired,
  found: readonly PlaceReading[],
  stdin: readonly string[],
][] = [
  ["nothing where all is right", OPEN, [RIGHT], []],
  ["nothing where nothing shall be", ABSENT, [EMPTY, NATIVE], []],
  [
    "the redirect alone where the guard stands",
    OPEN,
    [place(NONE, filter())],
    [INSTALL_NAT],
  ],
  [
    "the guard alone where the redirect stands: the rule of 0.1.0",
    OPEN,
    [place(nat(), NONE)],
    [INSTALL_FILTER],
  ],
  ["the guard first", OPEN, [EMPTY], [INSTALL_FILTER, INSTALL_NAT]],
  [
    "our chain alone where the jump is right",
    OPEN,
    [place(nat([]), filter())],
    [input("nat", ...redirect())],
  ],
  [
    "every jump by its own text where one is wrong or too many",
    OPEN,
    [place(nat(redirect(), JUMP, OLD_JUMP), filter())],
    [input(
      "nat",
      `-D OUTPUT ${JUMP}`,
      `-D OUTPUT ${OLD_JUMP}`,
      `-I OUTPUT 1 ${JUMP}`,
      ...redirect(),
    )],
  ],
  [
    "the jump at position 1 where another rule ends OUTPUT",
    OPEN,
    [place(nat(), filter(guard(), "-o lo -j ACCEPT", GUARD_JUMP))],
    [input(
      "filter",
      `-D OUTPUT ${GUARD_JUMP}`,
      `-I OUTPUT 1 ${GUARD_JUMP}`,
      ...guard(),
    )],
  ],
  [
    "a guard of both ports while the port changes",
    OPEN,
    [place(nat(redirect(4001)), filter(guard([4001])))],
    [
      input("filter", ...guard([4000, 4001])),
      input("nat", ...redirect()),
      input("filter", ...guard()),
    ],
  ],
  [
    "the redirect's end before the guard's when the proxy is gone",
    ABSENT,
    [RIGHT],
    [REMOVE_NAT, REMOVE_FILTER],
  ],
  [
    "the guard's end before the redirect's while the proxy still listens",
    DRAINING,
    [RIGHT],
    [REMOVE_FILTER, REMOVE_NAT],
  ],
  [
    "what is right first, what stands elsewhere last",
    OPEN,
    [IP6, place(NONE, filter())],
    [INSTALL_NAT, REMOVE_FILTER],
  ],
  [
    "native nft's rules but its nat chain while it drains",
    DRAINING,
    [NATIVE_RULE, place(NONE, filter())],
    [
      `${NATIVE_GONE}table ip c2s-imds {\n\tchain output {\n\t\ttype nat hook output priority -101; policy accept;\n\t}\n}\n`,
      REMOVE_FILTER,
    ],
  ],
  ["nothing where native nft drains already", DRAINING, [NATIVE_DRAINED], []],
  ["native nft's table at the end", ABSENT, [NATIVE_DRAINED], [NATIVE_GONE]],
  [
    "jumps by their handles where iptables cannot list OUTPUT",
    ABSENT,
    [place({ ...nat(), handles: ["7", "9"] }, NONE)],
    [
      "delete rule ip nat OUTPUT handle 7\ndelete rule ip nat OUTPUT handle 9\nadd chain ip nat C2S-IMDS\nflush chain ip nat C2S-IMDS\ndelete chain ip nat C2S-IMDS\n",
    ],
  ],
  [
    "our chain alone where iptables cannot list OUTPUT",
    OPEN,
    [place({ ...nat([]), handles: "unknown" }, filter())],
    [input("nat", ...redirect())],
  ],
];

for (const [name, desired, places, stdin] of FEEDS) {
  Deno.test(`plan() feeds ${name}`, () => {
    const feeds = plan(desired, { places }, machine("nft"));
    assertEquals(feeds.map((feed) => feed.stdin), stdin);
  });
}

Deno.test("plan() refuses to put a jump among rules that iptables cannot list", () => {
  const places = [place({ ...NONE, handles: [] }, filter())];
  assertThrows(
    () => plan(OPEN, { places }, machine("nft")),
    RuleError,
    "Cannot install the rule: its tables hold native nft rules",
  );
});
