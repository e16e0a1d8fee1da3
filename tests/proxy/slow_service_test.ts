import { assertEquals } from "@std/assert";
import { stopClock } from "../helpers/clock.ts";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

/** The moments of the first byte, in seconds of the proxy's clock. */
const DELAYS = [0.1, 0.35, 0.75, 2, 4.7];

const PUT = "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n" +
  "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n\r\n";

const SERVICES: ReadonlyArray<readonly [string, boolean]> = [
  ["closes", true],
  ["keeps", false],
];

for (const [keeps, closes] of SERVICES) {
  for (const [method, text] of [["GET", get("/latest/")], ["PUT", PUT]]) {
    Deno.test(`startProxy() gives slow answers to ${method} as they are when the service ${keeps} its connections`, async () => {
      let delay = 0;
      await using upstream = await startUpstream(async (_, connection) => {
        clock.advance(1_000 * delay);
        await connection.write(
          answer("slow", closes ? ["Connection: close"] : []),
        );
        if (closes) connection.end();
      });
      using clock = await stopClock();
      await using proxy = await startUnderTest(upstream.address, {
        cacheMs: 0,
      });
      for (delay of DELAYS) {
        const direct = await ask(upstream.address, text ?? "");
        const proxied = await ask(proxy.address, text ?? "");
        assertEquals(
          [proxied.status, proxied.body, proxied.complete],
          [direct.status, direct.body, direct.complete],
          `${delay} s`,
        );
      }
      assertEquals(upstream.requests.length, 2 * DELAYS.length);
      assertEquals(proxy.warnings, []);
    });
  }
}
