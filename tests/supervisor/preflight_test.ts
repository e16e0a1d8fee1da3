import { assertEquals, assertRejects } from "@std/assert";
import {
  PreflightError,
  requireOpenPorts,
  requireRights,
} from "../../lib/supervisor/preflight.ts";
import type { Runner } from "../../lib/system/runner.ts";

/** Answers every command with the same text. */
function says(stdout: string): Runner {
  return () => Promise.resolve({ code: 0, stdout, stderr: "" });
}

/** No capability at all. */
const POWERLESS = says("CapEff:\t0000000000000000\n");

for (
  const [purpose, needs] of [
    ["keep the rule", "CAP_NET_ADMIN to change the rule, "],
    ["keep the address", "CAP_NET_ADMIN to change addresses, "],
    ["drop root", ""],
  ] as const
) {
  Deno.test(`requireRights() names what is missing to ${purpose}`, async () => {
    const { message, usage } = await assertRejects(
      () => requireRights(purpose, 0, POWERLESS),
      PreflightError,
    );
    assertEquals(
      message,
      `Cannot ${purpose}: missing ${needs}CAP_SETUID to start the proxy as another user, CAP_SETGID to start the proxy as another group, CAP_KILL to stop the proxy`,
    );
    assertEquals(usage, false);
  });
}

Deno.test("requireOpenPorts() refuses a port that only root may have", async () => {
  const listen = [
    { hostname: "127.0.0.1", port: 4000 },
    { hostname: "169.254.169.254", port: 80 },
  ];
  const { message, usage } = await assertRejects(
    () => requireOpenPorts({ listen }, says("1024\n")),
    PreflightError,
  );
  assertEquals(
    message,
    "Cannot use --listen 169.254.169.254:80 as root: the proxy gives root up, expected a port from 1024 (with --iptables, the rule leads port 80 there), or a start as another user with CAP_NET_BIND_SERVICE",
  );
  assertEquals(usage, true);
  await assertRejects(
    () => requireOpenPorts({ listen }, () => Promise.resolve("not found")),
    PreflightError,
    "a port from 1024",
  );
});

Deno.test("requireOpenPorts() refuses such a port for administrators, too", async () => {
  const at = (port: number) => ({
    listen: [{ hostname: "127.0.0.1", port: 4000 }],
    admin: { hostname: "127.0.0.1", port },
  });
  await requireOpenPorts(at(0), says("1024\n"));
  await requireOpenPorts(at(4001), says("1024\n"));
  const { message, usage } = await assertRejects(
    () => requireOpenPorts(at(81), says("1024\n")),
    PreflightError,
  );
  assertEquals(
    message,
    "Cannot use --admin 127.0.0.1:81 as root: the proxy gives root up, expected a port from 1024",
  );
  assertEquals(usage, true);
});

Deno.test("requireOpenPorts() goes by the kernel's setting", async () => {
  const run = says("80\n");
  const at = (port: number) => ({ listen: [{ hostname: "127.0.0.1", port }] });
  await requireOpenPorts(at(80), run);
  await requireOpenPorts(at(0), run);
  await assertRejects(
    () => requireOpenPorts(at(79), run),
    PreflightError,
    "a port from 80",
  );
});
