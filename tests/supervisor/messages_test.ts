import { assertEquals } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import {
  decode,
  encode,
  fromPlain,
  type ToChild,
  toPlain,
} from "../../lib/supervisor/messages.ts";

const CONFIG: ServeConfig = {
  listen: [{ hostname: "::1", port: 0 }],
  listenAnywhere: false,
  upstream: { hostname: "data-server", port: 80 },
  discover: { kind: "cloudstack", interface: "eth0" },
  regions: new Map([["us-east-1", "us-iso-east-1"], ["a", "b"]]),
  rewrite: "all",
  timeoutMs: 1,
  cacheMs: 0,
  logLevel: "info",
  logFormat: "json",
};

Deno.test("decode() gives the messages whatever the chunks of the pipe", async () => {
  const messages: ToChild[] = [
    { say: "serve", config: toPlain(CONFIG) },
    { say: "drain", lingerMs: 250 },
  ];
  const bytes = new Uint8Array(
    await new Blob(messages.map((it) => encode(it) as BlobPart)).arrayBuffer(),
  );
  for (const size of [1, 7, 64, bytes.length]) {
    const pieces = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => bytes.subarray(i * size, (i + 1) * size),
    );
    const read = await Array.fromAsync(decode(ReadableStream.from(pieces)));
    assertEquals<unknown>(read, messages);
  }
});

Deno.test("fromPlain() gives back the configuration", () => {
  assertEquals(fromPlain(JSON.parse(JSON.stringify(toPlain(CONFIG)))), CONFIG);
});
