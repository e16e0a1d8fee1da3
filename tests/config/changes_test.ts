import { assertEquals } from "@std/assert";
import { changesOf } from "../../lib/config/changes.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";

function read(args: string) {
  return readServeConfig(args.split(" ").filter(Boolean), {}, () => "");
}

/** Flags before and after, and which options changed: at once, and later. */
const CASES: readonly (readonly [string, string, string, string])[] = [
  ["--profile=c2s", "--profile=c2s", "", ""],
  // The source of a value makes no difference.
  ["", "--user=10169 --cache=1 --listen=127.0.0.1:4000", "", ""],
  [
    "--profile=c2s",
    "--region=us-east-2=b --rewrite=all --timeout=1 --cache=0 --log-level=debug --log-format=json --allow-browsers",
    "allow-browsers cache log-format log-level profile,overrides region rewrite timeout",
    "",
  ],
  [
    "--allow-browsers --admin=127.0.0.1:4001",
    "--listen=127.0.0.1:5000 --upstream=cloudstack:eth0 --user=nobody --on-stop=keep --backend=nft",
    "allow-browsers",
    "admin backend listen on-stop upstream user",
  ],
];

Deno.test("changesOf() tells what holds at once from what needs a restart, and keeps that", () => {
  for (const [one, other, live, restart] of CASES) {
    const [before, after] = [read(one), read(other)];
    const changes = changesOf(before, after);
    assertEquals(changes.live.toSorted().join(" "), live);
    assertEquals(changes.restart.toSorted().join(" "), restart);
    const { regions, identity, rewrite, timeoutMs, cacheMs } = after;
    const { allowBrowsers = false, logLevel, logFormat } = after;
    assertEquals(changes.config, {
      ...before,
      ...{ regions, identity, rewrite, timeoutMs, cacheMs },
      ...{ allowBrowsers, logLevel, logFormat },
      discover: undefined,
    });
  }
});
