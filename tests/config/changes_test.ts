import { assert, assertEquals } from "@std/assert";
import { changesOf } from "../../lib/config/changes.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";

function read(...args: readonly string[]) {
  return readServeConfig(args, {}, () => "");
}

Deno.test("changesOf() finds nothing between equal configurations", () => {
  const before = read("--profile=c2s");
  const { config, live, restart } = changesOf(before, read("--profile=c2s"));
  assertEquals([live, restart], [[], []]);
  assertEquals(config, before);
});

Deno.test("changesOf() lets hold at once what needs no socket", () => {
  const { config, live, restart } = changesOf(
    read("--profile=c2s"),
    read(
      "--region=us-east-2=b",
      "--rewrite=all",
      "--timeout=1",
      "--cache=0",
      "--log-level=debug",
      "--log-format=json",
    ),
  );
  assertEquals(live.toSorted(), [
    "cache",
    "log-format",
    "log-level",
    "profile,overrides",
    "region",
    "rewrite",
    "timeout",
  ]);
  assertEquals(restart, []);
  assertEquals(config.regions, new Map([["us-east-2", "b"]]));
  assertEquals(config.identity, undefined);
});

Deno.test("changesOf() keeps what listeners, upstream, user and rule were made from", () => {
  const before = read();
  const { config, live, restart } = changesOf(
    before,
    read(
      "--listen=127.0.0.1:5000",
      "--upstream=cloudstack:eth0",
      "--user=nobody",
      "--on-stop=keep",
      "--timeout=1",
    ),
  );
  assertEquals(live, ["timeout"]);
  assertEquals(restart.toSorted(), [
    "listen",
    "on-stop",
    "upstream",
    "user",
  ]);
  assertEquals(config, { ...before, timeoutMs: 1_000 });
  assert(Object.isFrozen(config));
});

Deno.test("changesOf() finds no change where only the source of a value is another", () => {
  const { live, restart } = changesOf(
    read(),
    read("--user=10169", "--cache=1", "--listen=127.0.0.1:4000"),
  );
  assertEquals([live, restart], [[], []]);
});

Deno.test("changesOf() lets browsers in and out at once, and keeps administrators' address", () => {
  const before = read("--admin=127.0.0.1:4001");
  const { config, live, restart } = changesOf(
    before,
    read("--allow-browsers", "--admin=127.0.0.1:4002"),
  );
  assertEquals([live, restart], [["allow-browsers"], ["admin"]]);
  assertEquals(config, { ...before, allowBrowsers: true });
  const after = changesOf(config, read());
  assertEquals([after.live, after.restart], [["allow-browsers"], ["admin"]]);
  assertEquals(after.config, before);
});
