import { fuzzRequests } from "./request_fuzzer.ts";
import { seeds } from "./settings.ts";

// A file of its own, for tests run in parallel by files.
Deno.test("startProxy() answers each request once and sends none astray when clients send anything else", async () => {
  await fuzzRequests(seeds(1 / 2, 1 / 2));
});
