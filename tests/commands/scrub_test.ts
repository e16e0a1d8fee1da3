import { assertEquals } from "@std/assert";
import { isBending } from "../../lib/commands/scrub.ts";

Deno.test("isBending() names what changes the way of a request", () => {
  const bending = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "NODE_USE_ENV_PROXY",
    "NODE_OPTIONS",
    "DENO_SERVE_ADDRESS",
    "DENO_SERVE_AUTOMATIC_COMPRESSION",
    "DENO_SERVE_ANYTHING_NEW",
  ];
  const harmless = [
    "PATH",
    "DENO_DIR",
    "MY_HTTP_PROXY",
    "HTTP_PROXY_HOST",
    "C2S_IMDS_LISTEN",
    "NODE_EXTRA_CA_CERTS",
  ];
  assertEquals(bending.filter((name) => !isBending(name)), []);
  assertEquals(harmless.filter(isBending), []);
});
