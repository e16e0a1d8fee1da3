import { assertEquals } from "@std/assert";
import { listenFailure } from "../../lib/commands/listen_failure.ts";
import { ListenError } from "../../lib/proxy/listener.ts";

const { AddrInUse, AddrNotAvailable, PermissionDenied } = Deno.errors;

/** What is to be done, by the system's error. */
const ADVICE = [
  [
    new AddrInUse("os error 98"),
    ": another program has it, stop that one or choose another --admin",
  ],
  [
    new AddrNotAvailable("os error 99"),
    ": this machine has no such address, choose another --admin",
  ],
  [
    new PermissionDenied("os error 13"),
    ": no permission, choose a port from 1024 or grant CAP_NET_BIND_SERVICE",
  ],
  [new Error("no idea"), ""],
] as const;

Deno.test("listenFailure() says what to do when it knows the reason", () => {
  const address = { hostname: "127.0.0.1", port: 80 };
  for (const [cause, advice] of ADVICE) {
    const failure = listenFailure(new ListenError(address, "--admin", cause));
    assertEquals(
      failure instanceof Error && failure.message,
      `Cannot listen on 127.0.0.1:80${advice}`,
    );
  }
});
