import { assertEquals } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { Handler, type HandlerParts } from "../../lib/proxy/handler.ts";
import { ownAddresses } from "../../lib/proxy/admission.ts";
import { places } from "../../lib/proxy/places.ts";
import { Meters } from "../../lib/system/meters.ts";
import type { TimeLimit } from "../../lib/proxy/upstream/time_limit.ts";
import type { UpstreamAnswer } from "../../lib/proxy/upstream/answer_reader.ts";
import { recordLog } from "../helpers/log.ts";
import { configOf, NO_REGIONS } from "./under_test.ts";

const SECRET = "AQAEAsecretsecretsecret==";
const ADDRESS = { hostname: "127.0.0.1", port: 9 };
const PEER = { transport: "tcp", ...ADDRESS } as const;

/** A handler before a service, and what it logged. */
function handlerBefore(
  send: HandlerParts["upstream"]["send"],
  config: Partial<ServeConfig> = {},
) {
  const { log, lines } = recordLog({ level: "info" });
  const whole = configOf(ADDRESS, { cacheMs: 0, logLevel: "info", ...config });
  const handler = new Handler(whole, {
    upstream: { authority: "127.0.0.1:9", comesBack: () => false, send },
    isOwn: ownAddresses(),
    takePlace: places(),
    meters: new Meters(),
    log,
  });
  const get = (target: string) =>
    handler.handle(
      new Request(`http://127.0.0.1${target}`, { headers: { host: "h" } }),
      { remoteAddr: PEER, completed: Promise.resolve() },
      PEER,
    );
  return { handler, get, lines };
}

/** A whole answer of the service. */
function answerWith(text: string, status = 200): UpstreamAnswer {
  const bytes = new TextEncoder().encode(text);
  return {
    status,
    headers: [],
    length: undefined,
    body: {
      start: () => Promise.resolve({ bytes, whole: true }),
      read: () => Promise.withResolvers<undefined>().promise,
      destroy: () => {},
    },
  };
}

Deno.test("Handler names a mistake of its own by its kind alone, and once a minute", async () => {
  const { get, lines } = handlerBefore(() =>
    Promise.reject(new TypeError(`bad value ${SECRET}`))
  );
  for (let i = 0; i < 100; i++) {
    const response = await get("/latest/");
    assertEquals(response.status, 400);
    assertEquals(
      await response.text(),
      "c2s-imds: Cannot forward this request\n",
    );
  }
  assertEquals(lines.map((line) => line.replace(/^\S+ /, "")), [
    "error cannot forward a request error=TypeError\n",
  ]);
});

Deno.test("Handler asks for a name that was mapped back, and for the client's own, within one time limit", async () => {
  const asked: [string, TimeLimit][] = [];
  const { get } = handlerBefore(({ target }, limit) => {
    asked.push([target, limit]);
    return Promise.resolve(answerWith("none", 404));
  }, { rewrite: "all" });
  const role = "/latest/meta-data/iam/security-credentials/a-us-";
  assertEquals((await get(`${role}iso-east-1`)).status, 404);
  assertEquals(asked.map(([target]) => target), [
    `${role}east-1`,
    `${role}iso-east-1`,
  ]);
  assertEquals(new Set(asked.map(([, limit]) => limit)).size, 1);
});

Deno.test("Handler answers nothing from memory after a change of configuration", async () => {
  let asked = 0;
  const { handler, get } = handlerBefore(() => {
    asked++;
    return Promise.resolve(answerWith("us-east-1a"));
  }, { cacheMs: 60_000 });
  const zone = async () =>
    await (await get("/latest/meta-data/placement/availability-zone")).text();
  assertEquals([await zone(), await zone(), asked], [
    "us-iso-east-1a",
    "us-iso-east-1a",
    1,
  ]);
  handler.configure(configOf(ADDRESS, { regions: NO_REGIONS }));
  assertEquals([await zone(), asked], ["us-east-1a", 2]);
});
