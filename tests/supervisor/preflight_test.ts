import { assertEquals, assertRejects } from "@std/assert";
import { OutOfReachError, UsageError } from "../../lib/cli/message.ts";
import {
  requireOpenPorts,
  requireRights,
} from "../../lib/supervisor/preflight.ts";
import type { Runner } from "../../lib/system/runner.ts";

/** Answers every command with the same text. */
function says(stdout: string): Runner {
  return () => Promise.resolve({ code: 0, stdout, stderr: "" });
}

Deno.test("requireRights() names what is missing, and what for", async () => {
  const more =
    "CAP_SETUID to start the proxy as another user, CAP_SETGID to start the proxy as another group, CAP_KILL to stop the proxy";
  for (
    const [purpose, uid, missing] of [
      [
        "keep the rule",
        0,
        `missing CAP_NET_ADMIN to change rules and addresses, ${more}`,
      ],
      ["drop root", 0, `missing ${more}`],
      ["keep the address", 1000, "started as uid 1000, expected root"],
    ] as const
  ) {
    const { message } = await assertRejects(
      () => requireRights(purpose, uid, says("CapEff:\t0000000000000000\n")),
      OutOfReachError,
    );
    assertEquals(message, `Cannot ${purpose}: ${missing}`);
  }
});

/** Where it is to listen, the kernel's setting, and what is in the way. */
const PORTS: readonly (readonly [
  ports: { listen: number; admin?: number },
  setting: string,
  refused?: string,
])[] = [
  [{ listen: 4000, admin: 4001 }, "1024\n"],
  [{ listen: 0, admin: 0 }, "1024\n"],
  [
    { listen: 80 },
    "1024\n",
    "--listen 127.0.0.1:80 as root: the proxy drops root, expected a port from 1024 ",
  ],
  [{ listen: 80 }, "", "a port from 1024"],
  [{ listen: 4000, admin: 81 }, "1024\n", "--admin 127.0.0.1:81 as root"],
  [{ listen: 80, admin: 80 }, "80\n"],
  [{ listen: 79 }, "80\n", "a port from 80"],
  [{ listen: 1 }, "0\n"],
];

Deno.test("requireOpenPorts() refuses a port that only root may have", async () => {
  const at = (port: number) => ({ hostname: "127.0.0.1", port });
  for (const [{ listen, admin }, setting, refused] of PORTS) {
    const check = requireOpenPorts(
      {
        listen: [at(4000), at(listen)],
        ...admin !== undefined && { admin: at(admin) },
      },
      says(setting),
    );
    if (refused === undefined) await check;
    else await assertRejects(() => check, UsageError, refused);
  }
});
