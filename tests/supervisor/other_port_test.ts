import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ConflictError } from "../../lib/rule/rule_error.ts";
import { nextPort, otherAddress } from "../../lib/supervisor/other_port.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { skipWaits } from "../helpers/clock.ts";
import { logInto } from "./config.ts";

Deno.test("nextPort() takes the next that nobody has and nobody is given by chance", () => {
  const next = (port: number, ...taken: readonly number[]) =>
    nextPort(
      port,
      taken.map((localPort) => ({ local: "127.0.0.1", localPort, uid: 1000 })),
      [32_768, 60_999],
    );
  assertEquals(next(4000), 4001);
  assertEquals(next(4000, 4000, 4001, 4003), 4002);
  assertEquals(next(29_999), 61_000);
  assertEquals(next(65_534), 65_535);
  assertEquals(next(65_535), undefined);
});

/** Port 4001, on which root listens. */
const NEXT =
  "  1: 0100007F:0FA1 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 2 1\n";

/** A machine on which a user listens on port 4000, for some looks. */
function machine(uid: number, local: string, looks = Infinity): Runner {
  let left = looks;
  const table = () =>
    `  sl  local_address rem_address   st\n${NEXT}` +
    (left-- > 0 ? NEXT.replace("0100007F:0FA1", `${local}:0FA0`) : "")
      .replace("00000000 0 0 2", `00000000 ${uid} 0 1`);
  return ([program, file]) => {
    const stdout = program === "ss"
      ? 'LISTEN 0 5 127.0.0.1:4000 0.0.0.0:* users:(("python3",pid=12,fd=3))\n'
      : file?.endsWith("_range")
      ? "32768\t60999\n"
      : table();
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
}

const [IP, ANY, IP6] = [
  "0100007F",
  "0".repeat(32),
  `${"0".repeat(24)}01000000`,
];
const TAKEN = { hostname: "127.0.0.1", port: 4000 };

async function other(run: Runner): Promise<[number | undefined, string]> {
  const lines: string[] = [];
  const address = await otherAddress(TAKEN, 10_169, {
    run,
    log: logInto(lines),
  });
  return [address?.port, lines.join("")];
}

for (
  const [who, run, by] of [
    ["another user", machine(1000, IP), 'uid=1000 by="python3 \\(pid 12\\)"'],
    ["one who listens on all addresses", machine(1000, ANY), "uid=1000"],
    ["one who listens on IPv6", machine(1000, IP6), "a socket that does not"],
    ["one who does not listen", machine(1000, IP, 0), "a socket that does not"],
  ] as const
) {
  Deno.test(`otherAddress() takes the next free port where ${who} has one`, async () => {
    const [port, log] = await other(run);
    assertEquals(port, 4002);
    assertMatch(log, new RegExp(`warn another program .* taken=4000 .*${by}`));
  });
}

Deno.test("otherAddress() waits for an instance that was just killed", async () => {
  using _clock = await skipWaits();
  assertEquals(await other(machine(10_169, IP, 2)), [4000, ""]);
});

Deno.test("otherAddress() throws where another instance has the port", async () => {
  using _clock = await skipWaits();
  await assertRejects(
    () => other(machine(10_169, IP)),
    ConflictError,
    "Another instance runs on this node: it listens on port 4000 as uid 10169, stop that one first",
  );
});
