import { assertEquals } from "@std/assert";
import { ListenError } from "../../lib/config/address.ts";

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
  [new Error("no idea"), ": no idea"],
] as const;

Deno.test("ListenError says what to do when it knows the reason", () => {
  const address = { hostname: "127.0.0.1", port: 80 };
  for (const [cause, advice] of ADVICE) {
    assertEquals(
      new ListenError(address, cause, "--admin").message,
      `Cannot listen on 127.0.0.1:80${advice}`,
    );
  }
});
