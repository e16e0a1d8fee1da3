import { assertEquals } from "@std/assert";
import { diff } from "../../lib/rule/diff.ts";
import type { PlaceReading } from "../../lib/rule/read.ts";
import type { Desired } from "../../lib/rule/rule.ts";
import {
  FILTER,
  guard,
  GUARD_JUMP,
  JUMP,
  NAT,
  nft,
  NONE,
  OPEN,
  reading,
  redirect,
} from "./samples.ts";

const RIGHT = nft(NAT, FILTER);
const NATIVE_RULES = [
  "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000",
  "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 reject with tcp reset",
  'oifname "lo" tcp sport 4000 meta skuid 10169 accept',
  'oifname "lo" tcp sport 4000 tcp flags 0x2,0x10 / 0x2,0x10 drop',
  'oifname "lo" tcp sport 4000 tcp flags ! 0x4 meta skuid != 10169 drop',
  'oifname "lo" ct direction 1 ct status 0x20 ct original ip daddr 169.254.169.254 meta skuid 10169 accept',
  'oifname "lo" ct direction 1 ct status 0x20 ct original ip daddr 169.254.169.254 tcp flags 0x2,0x10 / 0x2,0x10 drop',
  'oifname "lo" ct direction 1 ct status 0x20 ct original ip daddr 169.254.169.254 tcp flags ! 0x4 meta skuid != 10169 drop',
];
const NATIVE: PlaceReading = {
  backend: "nftables",
  family: "ip",
  native: NATIVE_RULES,
};
const WRONG_JUMP = JUMP.replace("80", "81");
const HERE = "IPv4 in the nft backend: ";

const NFT: readonly [
  name: string,
  found: PlaceReading,
  differences: string[],
][] = [
  ["all is right", RIGHT, []],
  [
    "another version saves options in another order",
    nft({
      ...NAT,
      output: [
        '-A OUTPUT -p tcp -d 169.254.169.254/32 -m comment --comment "c2s-imds" -m tcp --dport 80 -j C2S-IMDS',
      ],
    }, FILTER),
    [],
  ],
  [
    "jumps of others stand before ours",
    nft({
      ...NAT,
      output: [
        "-A OUTPUT -m comment --comment k -j KUBE-SERVICES",
        ...NAT.output,
      ],
    }, FILTER),
    [],
  ],
  ["nothing is there", nft(NONE, NONE), [`${HERE}no rule is there`]],
  [
    "another port",
    nft({ ...NAT, chain: redirect(4001) }, { ...FILTER, chain: guard([4001]) }),
    [
      `${HERE}port is 4001, expected 4000`,
    ],
  ],
  [
    "another uid",
    nft({ ...NAT, chain: redirect(4000, 990) }, {
      ...FILTER,
      chain: guard([4000], 990),
    }),
    [
      `${HERE}uid is 990, expected 10169`,
    ],
  ],
  [
    "duplicates",
    nft({ ...NAT, output: [...NAT.output, ...NAT.output] }, FILTER),
    [
      `${HERE}there are 2 jumps, expected 1`,
    ],
  ],
  [
    "another destination",
    nft({ ...NAT, output: [`-A OUTPUT ${WRONG_JUMP}`] }, FILTER),
    [
      `${HERE}the jump is "-A OUTPUT ${WRONG_JUMP}", expected one from OUTPUT for 169.254.169.254:80`,
    ],
  ],
  ["nat was flushed", nft({ output: [], chain: [] }, FILTER), [
    `${HERE}the jump from OUTPUT is missing`,
    `${HERE}no user is exempt, expected uid 10169`,
    `${HERE}the redirect is missing, expected port 4000`,
  ]],
  [
    "its rules stand in another order",
    nft({ ...NAT, chain: redirect().reverse() }, FILTER),
    [
      `${HERE}the rules are not the expected ones: ${
        redirect().reverse().join("; ")
      }`,
    ],
  ],
  ["there is no guard", nft(NAT, NONE), [`${HERE}the guard is missing`]],
  ["filter was flushed", nft(NAT, { output: [], chain: [] }), [
    `${HERE}the guard's jump is missing`,
    `${HERE}the guard is not for uid 10169 and port 4000`,
  ]],
  [
    "the guard has two jumps",
    nft(NAT, { ...FILTER, output: [...FILTER.output, ...FILTER.output] }),
    [
      `${HERE}the guard has 2 jumps, expected 1`,
    ],
  ],
  [
    "the guard's jump is another",
    nft(NAT, { ...FILTER, output: [`-A OUTPUT -o lo ${GUARD_JUMP}`] }),
    [
      `${HERE}the guard's jump is "-A OUTPUT -o lo ${GUARD_JUMP}", expected one from OUTPUT for tcp`,
    ],
  ],
  [
    "another rule ends OUTPUT before the redirect",
    nft(
      { ...NAT, output: ["-A OUTPUT -p tcp -j ACCEPT", ...NAT.output] },
      FILTER,
    ),
    [
      `${HERE}"-A OUTPUT -p tcp -j ACCEPT" stands before the jump from OUTPUT in the nat table and ends it`,
    ],
  ],
];

for (const [name, found, differences] of NFT) {
  Deno.test(`diff() tells what differs when ${name}`, () => {
    assertEquals(diff(OPEN, reading(found), "nft"), differences);
  });
}

const GUARD_ALONE: Desired = {
  ...OPEN,
  state: "open",
  uid: 10_169,
  targets: [{
    family: "ip",
    address: "169.254.169.254",
    addressPort: 80,
    port: undefined,
  }],
};

Deno.test("diff() tells of a redirect where the guard shall stand alone", () => {
  const alone = { ...FILTER, chain: guard([]) };
  assertEquals(diff(GUARD_ALONE, reading(nft(NONE, alone)), "nft"), []);
  assertEquals(diff(GUARD_ALONE, reading(RIGHT), "nft"), [
    `${HERE}a redirect is there, expected the guard alone`,
  ]);
});

Deno.test("diff() names each difference in native nft", () => {
  const differences = (...native: string[]) =>
    diff(OPEN, reading({ ...NATIVE, native }), "nftables")
      .map((line) => line.replace("IPv4 in the nftables backend: ", ""));
  assertEquals(differences(...NATIVE_RULES), []);
  assertEquals(
    differences(
      "ip daddr 169.254.169.253 tcp dport 80 meta skuid != 5 redirect to :6",
    ),
    [
      "it catches 169.254.169.253 port 80, expected 169.254.169.254:80",
      "uid is 5, expected 10169",
      "port is 6, expected 4000",
    ],
  );
  const [redirected = ""] = NATIVE_RULES;
  assertEquals(differences(redirected), [
    `the rules are not the expected ones: ${redirected}`,
  ]);
  assertEquals(differences(), [
    "no user is exempt, expected uid 10169",
    "the redirect is missing, expected port 4000",
  ]);
});

Deno.test("diff() tells of rules in other backends and families", () => {
  const legacy: PlaceReading = { ...RIGHT, backend: "legacy" };
  const ip6: PlaceReading = { ...RIGHT, family: "ip6" };
  assertEquals(diff(OPEN, reading(RIGHT, legacy, ip6), "nft"), [
    "IPv4 in the legacy backend: a rule is there, expected only in the nft backend",
    "IPv6 in the nft backend: a rule is there, expected none",
  ]);
  for (const state of ["absent", "draining"] as const) {
    assertEquals(diff({ state }, reading(RIGHT), "nft"), [
      `${HERE}a rule is there, expected none`,
    ]);
  }
});

Deno.test("diff() lets native nft's empty chain stand only while it drains", () => {
  const empty = reading({ ...NATIVE, native: [] });
  assertEquals(diff({ state: "draining" }, empty, "nftables"), []);
  assertEquals(diff({ state: "absent" }, empty, "nftables").length, 1);
});
