import { fuzzRequests } from "./request_fuzzer.ts";
import { seeds } from "./settings.ts";

Deno.test("startProxy() answers each request once and sends none astray when clients send anything", async () => {
  await fuzzRequests(seeds(1 / 2));
});
