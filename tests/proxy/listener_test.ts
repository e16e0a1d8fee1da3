import { assertEquals, assertThrows } from "@std/assert";
import { ListenError } from "../../lib/config/address.ts";
import { listen } from "../../lib/proxy/listener.ts";
import { recordLog } from "../helpers/log.ts";
import { until } from "../helpers/node.ts";

function listenOn(hostname: string, port: number) {
  return listen({ hostname, port }, () => new Response(), recordLog().log);
}

Deno.test("listen() listens where it is asked to, and says so", async () => {
  const listener = listenOn("127.0.0.2", 0);
  try {
    assertEquals(listener.address.hostname, "127.0.0.2");
    assertThrows(
      () => listenOn("127.0.0.2", listener.address.port),
      ListenError,
      `Cannot listen on 127.0.0.2:${listener.address.port}`,
    );
  } finally {
    await listener.shutdown();
  }
});

Deno.test("listen() throws, and does not listen, where it got another address than it asked for", async () => {
  // The system's resolver makes 127.0.0.1 of it.
  const error = assertThrows(() => listenOn("127.1", 0), Error);
  const [, port] =
    /^Asked to listen on 127\.1 port 0, got 127\.0\.0\.1 port (\d+)$/
      .exec(error.message) ?? [];
  await until("nobody listens there", async () => {
    try {
      const hostname = "127.0.0.1";
      (await Deno.connect({ hostname, port: Number(port) })).close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused;
    }
  });
});
