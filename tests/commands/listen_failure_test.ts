import { assert, assertEquals } from "@std/assert";
import { listenFailure } from "../../lib/commands/listen_failure.ts";

Deno.test("listenFailure() says what to do when it knows the reason", async (t) => {
  for (
    const [cause, message] of [
      [
        new Deno.errors.AddrInUse("os error 98"),
        "Cannot listen on 127.0.0.1:80: another program has it, stop that one or choose another --listen",
      ],
      [
        new Deno.errors.AddrNotAvailable("os error 99"),
        "Cannot listen on 127.0.0.1:80: this machine has no such address, choose another --listen",
      ],
      [
        new Deno.errors.PermissionDenied("os error 13"),
        "Cannot listen on 127.0.0.1:80: no permission, choose a port from 1024 or grant CAP_NET_BIND_SERVICE",
      ],
    ] as const
  ) {
    await t.step(cause.name, () => {
      const error = new Error("Cannot listen on 127.0.0.1:80", { cause });
      const failure = listenFailure(error);
      assert(failure instanceof Error);
      assertEquals(failure.message, message);
    });
  }
});

Deno.test("listenFailure() leaves an error alone when it has another reason", () => {
  const error = new Error("Cannot listen", { cause: new Error("no idea") });
  assertEquals(listenFailure(error), error);
});
