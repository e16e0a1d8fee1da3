import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  holderOf,
  nextPort,
  otherAddress,
} from "../../lib/supervisor/other_port.ts";
import { ConflictError } from "../../lib/supervisor/rule_keeper.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { faster } from "../helpers/faster.ts";
import { logInto } from "./config.ts";

const at = (local: string, localPort: number, uid = 1000) => ({
  local,
  localPort,
  uid,
});

Deno.test("nextPort() takes the next that nobody has and nobody is given by chance", () => {
  const next = (port: number, ...taken: readonly number[]) =>
    nextPort(port, {
      listeners: taken.map((one) => at("127.0.0.1", one)),
      ephemeral: [32_768, 60_999],
    });
  assertEquals(next(4000), 4001);
  assertEquals(next(4000, 4000, 4001, 4003), 4002);
  assertEquals(next(29_999), 61_000);
  assertEquals(next(65_535), 1024);
  assertEquals(
    nextPort(4000, { listeners: [], ephemeral: [1024, 65_535] }),
    undefined,
  );
});

Deno.test("holderOf() finds who has the address, or all addresses", () => {
  const listeners = [
    at("127.0.0.1", 4000),
    at("::", 4001),
    at("::1", 4002),
  ];
  const uidAt = (hostname: string, port: number) =>
    holderOf({ hostname, port }, listeners)?.uid;
  assertEquals(uidAt("127.0.0.1", 4000), 1000);
  assertEquals(uidAt("127.0.0.1", 4001), 1000);
  assertEquals(uidAt("0.0.0.0", 4002), 1000);
  assertEquals(uidAt("127.0.0.1", 4002), undefined);
  assertEquals(uidAt("127.0.0.1", 4003), undefined);
});

const HEAD = "  sl  local_address rem_address   st\n";

/** A machine on which a user listens on 127.0.0.1 port 4000, for some looks. */
function machine(uid: number, looks = Infinity): Runner {
  let left = looks;
  const files: Record<string, () => string> = {
    "/proc/net/tcp": () =>
      HEAD +
      (left-- > 0
        ? `  0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 ${uid} 0 1 1\n`
        : ""),
    "/proc/sys/net/ipv4/ip_local_port_range": () => "32768\t60999\n",
  };
  return ([program, file]) => {
    const stdout = program === "ss"
      ? 'LISTEN 0 5 127.0.0.1:4000 0.0.0.0:* users:(("python3",pid=12,fd=3))\n'
      : files[file ?? ""]?.() ?? "";
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
}

const TAKEN = { hostname: "127.0.0.1", port: 4000 };

Deno.test("otherAddress() says who has the port, and takes another", async () => {
  const lines: string[] = [];
  const parts = { run: machine(1000), log: logInto(lines) };
  const other = await otherAddress(TAKEN, 10_169, parts);
  assertEquals(other, { ...TAKEN, port: 4001 });
  assertMatch(
    lines.join(""),
    /warn another program has the port.* taken=4000 uid=1000 by="python3 \(12\)" port=4001\n$/,
  );
});

Deno.test("otherAddress() knows of sockets that hold a port and do not listen", async () => {
  const lines: string[] = [];
  const parts = { run: machine(1000, 0), log: logInto(lines) };
  const other = await otherAddress(TAKEN, 10_169, parts);
  assertEquals(other, { ...TAKEN, port: 4001 });
  assertMatch(lines.join(""), /by="a socket that does not listen"/);
});

Deno.test("otherAddress() waits for an instance that was just killed", async () => {
  const parts = { run: machine(10_169, 2), log: logInto([]) };
  assertEquals(await otherAddress(TAKEN, 10_169, parts), TAKEN);
});

Deno.test("otherAddress() throws where another instance has the port", async () => {
  using _hurry = await faster(20);
  const parts = { run: machine(10_169), log: logInto([]) };
  await assertRejects(
    () => otherAddress(TAKEN, 10_169, parts),
    ConflictError,
    "Another instance runs on this node: it listens on port 4000 as uid 10169, stop that one first",
  );
});
