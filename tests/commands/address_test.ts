import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Runner } from "../../lib/system/runner.ts";
import { addressWith } from "../helpers/address.ts";
import { createFakeLink } from "../cloudstack/fake_link.ts";

function never(): Promise<never> {
  throw new Error("wrong usage runs no command");
}

Deno.test("address refuses wrong usage and runs nothing", async () => {
  for (
    const [line, says] of [
      ["--json", "No action: expected add, remove, status"],
      ["ad", 'Unknown action "ad": expected add, remove, status'],
      ["add eth0", 'Unexpected argument "eth0": see --help'],
      ["add --json", "--json"],
      ["remove --arp-ignore", "--arp-ignore"],
    ] as const
  ) {
    const { code, stderr = "" } = await addressWith(never, line);
    assertEquals(code, 2);
    assertStringIncludes(stderr, says);
  }
});

// tests/e2e/address_test.ts has the other lines.
Deno.test("address status tells what is there and who would reach it, as JSON too", async () => {
  const { run } = createFakeLink();
  const fix = "fix: sysctl -w net.ipv4.conf.all.arp_ignore=1";
  const absent = '{"state":"absent","ours":false,"answering":["eth0"]}\n';
  const there = '{"state":"there","ours":true,"answering":[]}\n';
  for (
    const [line, code, stdout] of [
      [
        "status",
        1,
        `absent\n  warning: neighbours on eth0 would reach it, ${fix}\n`,
      ],
      ["status --json", 1, absent],
      [
        "add --arp-ignore",
        0,
        "Set arp_ignore of all interfaces to 1\nAdded 169.254.169.254/32 to lo\n",
      ],
      ["status --json", 0, there],
    ] as const
  ) assertEquals(await addressWith(run, line), { code, stdout }, line);
});

Deno.test("address status cannot tell when there is no ip", async () => {
  const bare: Runner = () => Promise.resolve("not found");
  const reason =
    'Cannot tell whether 169.254.169.254/32 is on lo: "ip" is not on PATH, install iproute2 (Debian, Alpine) or iproute (RHEL, UBI)';
  assertEquals(await addressWith(bare, "status"), {
    code: 4,
    stdout: `${reason}\n`,
  });
  assertEquals(await addressWith(bare, "status --json"), {
    code: 4,
    stdout: `${JSON.stringify({ state: "unknown", reason })}\n`,
  });
  for (const action of ["add", "remove"]) {
    const { code, stdout, stderr } = await addressWith(bare, action);
    assertEquals([code, stdout], [4, ""]);
    assertMatch(stderr ?? "", new RegExp(`^c2s-imds: Cannot ${action} 169`));
  }
});
