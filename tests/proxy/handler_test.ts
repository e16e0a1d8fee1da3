import { assertEquals } from "@std/assert";
import { createLog } from "../../lib/system/log.ts";
import { Handler } from "../../lib/proxy/handler.ts";
import { OwnAddresses } from "../../lib/proxy/peers.ts";
import { Upstream } from "../../lib/proxy/upstream.ts";
import { DEFAULT_REGIONS } from "./under_test.ts";

const SECRET = "AQAEAsecretsecretsecret==";
const ADDRESS = { hostname: "127.0.0.1", port: 9 };

/** Fails by a mistake of the program's own. */
class MistakenUpstream extends Upstream {
  override send(): Promise<never> {
    return Promise.reject(new TypeError(`bad value ${SECRET}`));
  }
}

Deno.test("Handler names a mistake of its own by its kind alone, and once a minute", async () => {
  const log: string[] = [];
  const handler = new Handler({
    listen: [ADDRESS],
    listenAnywhere: false,
    upstream: ADDRESS,
    regions: DEFAULT_REGIONS,
    rewrite: "safe",
    timeoutMs: 5_000,
    cacheMs: 0,
    logLevel: "info",
    logFormat: "text",
  }, {
    upstream: new MistakenUpstream(ADDRESS),
    own: new OwnAddresses(),
    log: createLog({
      level: "info",
      format: "text",
      write: (line) => log.push(line.replace(/^\S+ /, "")),
    }),
  });
  const peer = { transport: "tcp", ...ADDRESS } as const;
  for (let i = 0; i < 100; i++) {
    const response = await handler.handle(
      new Request("http://127.0.0.1/latest/", { headers: { host: "h" } }),
      peer,
      peer,
    );
    assertEquals(response.status, 400);
    assertEquals(
      await response.text(),
      "c2s-imds: Cannot forward this request\n",
    );
  }
  assertEquals(log, ["error cannot forward a request error=TypeError\n"]);
});
