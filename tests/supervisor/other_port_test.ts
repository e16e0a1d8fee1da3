import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ConflictError } from "../../lib/rule/rule_error.ts";
import { otherAddress } from "../../lib/supervisor/other_port.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { skipWaits } from "../helpers/clock.ts";
import { logInto } from "./config.ts";

/** A machine on which a user listens on port 4000, for some looks. */
function machine(uid: number, local: string, looks = Infinity): Runner {
  let left = looks;
  const files: Record<string, () => string> = {
    "/proc/net/tcp": () =>
      "  sl  local_address rem_address   st\n" +
      (left-- > 0
        ? `  0: ${local}:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 ${uid} 0 1 1\n`
        : ""),
  };
  return ([program, file]) => {
    const stdout = program === "ss"
      ? 'LISTEN 0 5 127.0.0.1:4000 0.0.0.0:* users:(("python3",pid=12,fd=3))\n'
      : files[file ?? ""]?.() ?? "";
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
    ["who listens on all addresses", machine(1000, ANY), "uid=1000"],
    ["who listens on IPv6", machine(1000, IP6), "a socket that does not"],
    ["who does not listen", machine(1000, IP, 0), "a socket that does not"],
  ] as const
) {
  Deno.test(`otherAddress() takes another port than that of ${who}`, async () => {
    const [port, log] = await other(run);
    assertEquals(port, 4001);
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
