import { assert, assertEquals } from "@std/assert";
import { ownCommand } from "../../lib/supervisor/own_command.ts";

Deno.test("ownCommand() hands on the cache, and nothing else of the environment", () => {
  for (
    const [env, cache] of [
      [{ DENO_DIR: "/d", XDG_CACHE_HOME: "/x", HOME: "/h" }, "/d"],
      [{ XDG_CACHE_HOME: "/x", HOME: "/h" }, "/x/deno"],
      [{ HOME: "/h" }, "/h/.cache/deno"],
      [{ DENO_DIR: "" }, undefined],
    ] as const
  ) {
    assertEquals(
      ownCommand({ ...env, SECRET: "s" }).env,
      cache === undefined ? {} : { DENO_DIR: cache },
    );
  }
});

Deno.test("ownCommand() has the child ask for no permission, and load nothing anew", () => {
  const { args } = ownCommand({});
  assert(args.includes("--no-prompt"));
  assert(args.includes("--cached-only"));
});
