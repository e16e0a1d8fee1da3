import { assertEquals } from "@std/assert";
import { EMPTY } from "../../lib/netfilter/nat_table.ts";
import {
  BLOCKED_PORT,
  DEFAULT_DESTINATION,
  type Rule,
} from "../../lib/netfilter/rule.ts";
import { judge, type Seen } from "../../lib/netfilter/verdict.ts";

const RULE: Rule = { ...DEFAULT_DESTINATION, port: 4000, uid: 10_169 };
const YES = { jump: true, exempt: true, redirect: true };
const JUMP =
  "-A OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";

function lines(uid = 10_169, port = 4000): string[] {
  return [
    `-A C2S-IMDS -m owner --uid-owner ${uid} -m comment --comment c2s-imds -j RETURN`,
    `-A C2S-IMDS -p tcp -m comment --comment c2s-imds -j REDIRECT --to-ports ${port}`,
  ];
}

function nft(
  jumps: readonly string[],
  rules: readonly string[],
  checks: typeof YES | undefined = YES,
): Seen {
  return {
    backend: "nft",
    family: "ip",
    table: { chain: true, jumps, rules, warnings: [] },
    checks,
  };
}

function native(...rules: readonly string[]): Seen {
  return {
    backend: "nftables",
    family: "ip",
    native: { present: true, rules },
  };
}

const NOTHING: Seen = {
  backend: "nft",
  family: "ip",
  table: EMPTY,
  checks: undefined,
};
const RIGHT = nft([JUMP], lines());

Deno.test("judge() says installed when exactly the rule is there", () => {
  assertEquals(judge("nft", [RULE], [RIGHT]).state, "installed");
  assertEquals(
    judge("nftables", [RULE], [
      native(
        "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000",
      ),
      NOTHING,
    ]).state,
    "installed",
  );
});

Deno.test("judge() says absent when nothing is there", () => {
  assertEquals(judge("nft", [RULE], []).state, "absent");
  assertEquals(judge("nft", [RULE], [NOTHING]).state, "absent");
});

const HERE = "IPv4 in the nft backend: ";
const DRIFTS: readonly [name: string, seen: Seen, differences: string[]][] = [
  [
    "another port",
    nft([JUMP], lines(10_169, 4001), {
      ...YES,
      redirect: false,
    }),
    [`${HERE}port is 4001, expected 4000`],
  ],
  [
    "the closed port",
    nft([JUMP], lines(10_169, BLOCKED_PORT), {
      ...YES,
      redirect: false,
    }),
    [
      `${HERE}port is 1 (closed: the proxy is not running), expected 4000`,
    ],
  ],
  ["another uid", nft([JUMP], lines(990), { ...YES, exempt: false }), [
    `${HERE}uid is 990, expected 10169`,
  ]],
  ["duplicates", nft([JUMP, JUMP], lines()), [
    `${HERE}there are 2 jumps, expected 1`,
  ]],
  [
    "another destination",
    nft([JUMP.replace("80", "81")], lines(), {
      ...YES,
      jump: false,
    }),
    [
      `${HERE}the jump is "${
        JUMP.replace("80", "81")
      }", expected one from OUTPUT for 169.254.169.254:80`,
    ],
  ],
  ["an empty chain", nft([], [], undefined), [
    `${HERE}the jump from OUTPUT is missing`,
    `${HERE}no user is exempt, expected uid 10169`,
    `${HERE}the redirect is missing, expected port 4000`,
  ]],
  ["lines in another order", nft([JUMP], lines().reverse()), [
    `${HERE}the rules are not the expected ones: ${
      lines().reverse().join("; ")
    }`,
  ]],
];

for (const [name, seen, differences] of DRIFTS) {
  Deno.test(`judge() says drift when there is ${name}`, () => {
    assertEquals(judge("nft", [RULE], [seen]), { state: "drift", differences });
  });
}

Deno.test("judge() names each difference in native nft", () => {
  const seen = native(
    "ip daddr 169.254.169.253 tcp dport 80 meta skuid != 5 redirect to :6",
  );
  assertEquals(judge("nftables", [RULE], [seen]).differences, [
    "IPv4 in the nftables backend: it catches 169.254.169.253 port 80, expected 169.254.169.254:80",
    "IPv4 in the nftables backend: uid is 5, expected 10169",
    "IPv4 in the nftables backend: port is 6, expected 4000",
  ]);
});

Deno.test("judge() says drift when the rule is in another backend or family", () => {
  const legacy: Seen = { ...RIGHT, backend: "legacy" };
  const ip6: Seen = { ...RIGHT, family: "ip6" };
  assertEquals(judge("nft", [RULE], [RIGHT, legacy, ip6]), {
    state: "drift",
    differences: [
      "IPv4 in the legacy backend: a rule is there, expected only in the nft backend",
      "IPv6 in the nft backend: a rule is there, expected none without --ipv6",
    ],
  });
  assertEquals(judge("nft", [RULE], [legacy]).differences, [
    "IPv4 in the nft backend: no rule is there",
    "IPv4 in the legacy backend: a rule is there, expected only in the nft backend",
  ]);
  assertEquals(judge("nft", [], [RIGHT]).differences, [
    "IPv4 in the nft backend: a rule is there, expected none",
  ]);
});
