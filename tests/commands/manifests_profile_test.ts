import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readSettings } from "../../lib/commands/manifests_settings.ts";
import { UsageError } from "../../lib/cli/message.ts";

const NODE = { container: true, onStop: "keep", fixed: true } as const;

Deno.test("readSettings() hands a profile on by name, without a region of its own", () => {
  const { serve, check } = readSettings(["--profile=c2s"], () => "", NODE);
  assertEquals(serve, [
    "serve",
    "--iptables",
    "--profile=c2s",
    "--on-stop=keep",
  ]);
  assertEquals(check, ["--profile=c2s"]);
});

Deno.test("readSettings() hands a profile and a region on when both are given", () => {
  const { check } = readSettings(
    ["--config=c.yaml"],
    () => "profile: sc2s\nregion: us-east-1=us-isob-west-1\n",
    NODE,
  );
  assertEquals(check, ["--region=us-east-1=us-isob-west-1", "--profile=sc2s"]);
});

Deno.test("readSettings() refuses what is in a file that no node has", () => {
  const refusal = (args: readonly string[], yaml: string) =>
    assertThrows(() => readSettings(args, () => yaml, NODE), UsageError)
      .message;
  assertMatch(
    refusal(["--profile=./p.yaml"], "base: c2s"),
    /^Cannot use "\.\/p\.yaml" for --profile: expected one of c2s, .* in a manifest, which has no file beside it$/,
  );
  assertEquals(
    refusal(["--config=c.yaml"], `overrides: {"*/a": {status: 404}}`),
    'Cannot use key "overrides" in "c.yaml": expected none in a manifest, which has no file beside it',
  );
});
