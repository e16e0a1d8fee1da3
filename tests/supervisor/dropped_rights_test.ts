import { assertEquals, assertRejects } from "@std/assert";
import {
  excessRights,
  requireDroppedRights,
} from "../../lib/supervisor/dropped_rights.ts";
import { ROOT, testWith } from "../helpers/requires.ts";

const USER = { uid: 10_169, gid: 10_169 };

const NONE = "0000000000000000";
const STATUS = `Name:	c2s-imds
State:	S (sleeping)
Uid:	10169	10169	10169	10169
Gid:	10169	10169	10169	10169
FDSize:	64
Groups:	 
CapInh:	${NONE}
CapPrm:	${NONE}
CapEff:	${NONE}
CapBnd:	00000000000030e0
CapAmb:	${NONE}
`;

/** What makes a right of it, by what is changed. */
const RIGHTS:
  readonly (readonly [from: string, to: string, excess?: string])[] = [
    ["", ""],
    ["Groups:\t ", "Groups:\t10169 "],
    [`CapInh:\t${NONE}`, "CapInh:\t00000000000030e0"],
    ["Uid:\t10169", "Uid:\t0", "Uid 0 10169 10169 10169"],
    ["10169\nGid", "0\nGid", "Uid 10169 10169 10169 0"],
    ["Gid:\t10169\t10169", "Gid:\t10169\t0", "Gid 10169 0 10169 10169"],
    ["Uid:\t10169", "Uid:\t110169", "Uid 110169 10169 10169 10169"],
    ["Groups:\t ", "Groups:\t0 ", "Groups 0"],
    ["Groups:\t ", "Groups:\t10169 27 ", "Groups 10169 27"],
    ...["CapEff", "CapPrm", "CapAmb"].map((set) =>
      [`${set}:\t${NONE}`, `${set}:\t8${NONE}`, `${set} 8${NONE}`] as const
    ),
    ["CapAmb", "CapXyz", "CapAmb unknown"],
    [
      STATUS,
      "",
      "Uid unknown, Gid unknown, Groups unknown, CapPrm unknown, CapEff unknown, CapAmb unknown",
    ],
  ];

Deno.test("excessRights() names each right there should not be", () => {
  for (const [from, to, excess] of RIGHTS) {
    assertEquals(excessRights(STATUS.replace(from, to), USER), excess);
  }
});

testWith([ROOT])(
  "requireDroppedRights() throws where rights cannot be told",
  async () => {
    // Beyond the highest process id there can be.
    await assertRejects(
      () => requireDroppedRights(2 ** 22 + 1, USER),
      Error,
      "Cannot tell which rights the proxy has: /proc/4194305/status cannot be read",
    );
  },
);
