import { assert, assertEquals } from "@std/assert";
import { ownCommand } from "../../lib/supervisor/own_command.ts";

/** Where the cache is, by the variables that tell. */
const CACHES:
  readonly (readonly [Record<string, string>, string | undefined])[] = [
    [{ DENO_DIR: "/d", XDG_CACHE_HOME: "/x", HOME: "/h" }, "/d"],
    [{ XDG_CACHE_HOME: "/x", HOME: "/h" }, "/x/deno"],
    [{ HOME: "/h" }, "/h/.cache/deno"],
    [{ DENO_DIR: "" }, undefined],
  ];

for (const [env, cache] of CACHES) {
  Deno.test(`ownCommand() hands on the cache ${cache} and nothing else of ${JSON.stringify(env)}`, () => {
    const command = ownCommand({ ...env, SECRET: "s" });
    assertEquals(command.env, cache === undefined ? {} : { DENO_DIR: cache });
    assertEquals(command.reads.at(-1), cache ?? command.reads.at(-1));
    assert(command.reads.includes(command.path));
  });
}

Deno.test("ownCommand() lets the child ask for no permission, and gives none to write or run", () => {
  const { args } = ownCommand({});
  assert(args.includes("--no-prompt"));
  assert(args.includes("--cached-only"));
  assertEquals(args.filter((arg) => arg.startsWith("--allow-")), [
    "--allow-net",
    "--allow-env",
    "--allow-sys=networkInterfaces,uid",
  ]);
});
