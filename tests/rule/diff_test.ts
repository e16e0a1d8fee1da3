import { assertEquals } from "@std/assert";
import { diff } from "../../lib/rule/diff.ts";
import { NONE, type PlaceReading } from "../../lib/rule/read.ts";
import type { Desired } from "../../lib/rule/rule.ts";
import {
  filter,
  guard,
  GUARD_ALONE,
  GUARD_JUMP,
  JUMP,
  nat,
  OPEN,
  place,
  redirect,
} from "./samples.ts";

function differences(
  desired: Desired,
  ...places: readonly PlaceReading[]
): readonly string[] {
  const reading = { places, unreadable: [] };
  const backend = places[0]?.backend ?? "nft";
  return diff(desired, reading, backend).map((line) =>
    line.replace(`IPv4 in the ${backend} backend: `, "")
  );
}

const FLUSHED = { output: [], chain: [] };
const WRONG_JUMP = JUMP.replace("80", "81");
const EXPECTED = {
  nat: `-A OUTPUT ${JUMP}`,
  filter: `-A OUTPUT ${GUARD_JUMP}`,
};

const NATIVE_NAT = [
  "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 redirect to :4000",
];
const REDIRECTED =
  'oifname "lo" ct direction 1 ct status 0x20 ct original ip daddr 169.254.169.254';
const NATIVE_GUARD = [
  "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 10169 reject with tcp reset",
  'oifname "lo" tcp sport 4000 meta skuid 10169 accept',
  'oifname "lo" tcp sport 4000 tcp flags 0x2,0x10 / 0x2,0x10 drop',
  'oifname "lo" tcp sport 4000 tcp flags ! 0x4 meta skuid != 10169 drop',
  `${REDIRECTED} meta skuid 10169 accept`,
  `${REDIRECTED} tcp flags 0x2,0x10 / 0x2,0x10 drop`,
  `${REDIRECTED} tcp flags ! 0x4 meta skuid != 10169 drop`,
];
function native(
  output: string[] | undefined,
  guard: string[] | undefined,
): PlaceReading {
  const table = (chain: string[] | undefined) => ({ output: [], chain });
  return place(table(output), table(guard), "nftables");
}

const CASES: readonly [
  name: string,
  found: PlaceReading,
  differences: string[],
][] = [
  ["all is right", place(nat(), filter()), []],
  [
    "another version saves options in another order",
    place(
      nat(
        redirect(),
        '-p tcp -d 169.254.169.254/32 -m comment --comment "c2s-imds" -m tcp --dport 80 -j C2S-IMDS',
      ),
      filter(),
    ),
    [],
  ],
  [
    "jumps of others stand before ours",
    place(nat(redirect(), "-m comment --comment k -j KUBE", JUMP), filter()),
    [],
  ],
  ["nothing is there", place(NONE, NONE), ["no rule is there"]],
  [
    "the port is another",
    place(nat(redirect(4001)), filter(guard([4001]))),
    ["port is 4001, expected 4000", "the guard is not the expected one"],
  ],
  [
    "the uid is another",
    place(nat(redirect(4000, 990)), filter(guard([4000], 990))),
    ["uid is 990, expected 10169", "the guard is not the expected one"],
  ],
  [
    "there are duplicates",
    place(nat(redirect(), JUMP, JUMP), filter(guard(), GUARD_JUMP, GUARD_JUMP)),
    [
      "the redirect has 2 jumps from OUTPUT, expected 1",
      "the guard has 2 jumps from OUTPUT, expected 1",
    ],
  ],
  [
    "the jumps are others",
    place(nat(redirect(), WRONG_JUMP), filter(guard(), `-o lo ${GUARD_JUMP}`)),
    [
      `the redirect's jump is "-A OUTPUT ${WRONG_JUMP}", expected "${EXPECTED.nat}"`,
      `the guard's jump is "-A OUTPUT -o lo ${GUARD_JUMP}", expected "${EXPECTED.filter}"`,
    ],
  ],
  ["nat was flushed", place(FLUSHED, filter()), [
    "the redirect has 0 jumps from OUTPUT, expected 1",
    "uid is missing, expected 10169",
    "port is missing, expected 4000",
  ]],
  ["filter was flushed", place(nat(), FLUSHED), [
    "the guard has 0 jumps from OUTPUT, expected 1",
    "the guard is not the expected one",
  ]],
  ["there is no guard", place(nat(), NONE), ["the guard is missing"]],
  ["there is no redirect", place(NONE, filter()), ["the redirect is missing"]],
  [
    "its rules stand in another order",
    place(nat(redirect().reverse()), filter()),
    [
      "the redirect is not the expected one",
    ],
  ],
  [
    "another rule ends OUTPUT before the redirect",
    place(nat(redirect(), "-p tcp -j ACCEPT", JUMP), filter()),
    [
      '"-A OUTPUT -p tcp -j ACCEPT" stands before the jump in the nat table and ends it',
    ],
  ],
  ["native nft's is right", native(NATIVE_NAT, NATIVE_GUARD), []],
  [
    "native nft's is another",
    native([
      "ip daddr 169.254.169.254 tcp dport 80 meta skuid != 5 redirect to :6",
    ], NATIVE_GUARD),
    ["uid is 5, expected 10169", "port is 6, expected 4000"],
  ],
  ["native nft's guard was flushed", native(NATIVE_NAT, []), [
    "the guard is not the expected one",
  ]],
  ["native nft's drains", native([], undefined), [
    "uid is missing, expected 10169",
    "port is missing, expected 4000",
    "the guard is missing",
  ]],
];

for (const [name, found, expected] of CASES) {
  Deno.test(`diff() tells what differs when ${name}`, () => {
    assertEquals(differences(OPEN, found), expected);
  });
}

Deno.test("diff() tells of a redirect where the guard shall stand alone", () => {
  assertEquals(differences(GUARD_ALONE, place(NONE, filter(guard([])))), []);
  const [first] = differences(GUARD_ALONE, place(nat(), filter()));
  assertEquals(first, "a redirect is there, expected none");
});

Deno.test("diff() tells of rules in other backends and families", () => {
  const right = place(nat(), filter());
  const others = [
    place(nat(), filter(), "legacy"),
    { ...right, family: "ip6" } as const,
  ];
  assertEquals(differences(OPEN, right, ...others), [
    "IPv4 in the legacy backend: a rule is there, expected only in the nft backend",
    "IPv6 in the nft backend: a rule is there, expected none",
  ]);
  for (const state of ["absent", "draining"] as const) {
    const found = differences({ state }, right);
    assertEquals(found, ["a rule is there, expected none"]);
  }
});

Deno.test("diff() lets native nft's empty chain stand only while it drains", () => {
  const empty = native([], undefined);
  assertEquals(differences({ state: "draining" }, empty), []);
  assertEquals(differences({ state: "absent" }, empty).length, 1);
});
