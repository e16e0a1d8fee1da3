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
  "requireDroppedRights() takes a process of the user, and not one of root",
  async () => {
    const start = (user: { readonly uid?: number; readonly gid?: number }) =>
      new Deno.Command("sleep", { args: ["60"], cwd: "/", ...user }).spawn();
    const dropped = start(USER);
    const root = start({});
    try {
      await requireDroppedRights(dropped.pid, USER);
      await assertRejects(
        () => requireDroppedRights(root.pid, USER),
        Error,
        "The proxy has rights beyond those of uid 10169: Uid 0 0 0 0, Gid 0 0 0 0",
      );
    } finally {
      for (const process of [dropped, root]) {
        process.kill("SIGKILL");
        await process.status;
      }
    }
    await assertRejects(
      () => requireDroppedRights(dropped.pid, USER),
      Error,
      `Cannot tell which rights the proxy has: /proc/${dropped.pid}/status cannot be read`,
    );
  },
);
