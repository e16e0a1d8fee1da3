import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../../lib/config/usage_error.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { resolveUser } from "../../lib/rule/user.ts";

const USERS: Readonly<Record<string, string>> = { proxy: "990", root: "0" };

const run: Runner = ([, , name = ""]) =>
  Promise.resolve({
    code: USERS[name] === undefined ? 1 : 0,
    stdout: `${USERS[name] ?? ""}\n`,
    stderr: "",
  });

function never(): Promise<never> {
  throw new Error("no command is needed for a number");
}

Deno.test("resolveUser() takes a number as it is and looks a name up", async () => {
  assertEquals(await resolveUser("10169", never), 10_169);
  assertEquals(await resolveUser("4294967294", never), 4_294_967_294);
  assertEquals(await resolveUser("proxy", run), 990);
});

for (
  const [user, says] of [
    ["0", "uid 0 would exempt every client that runs as root"],
    ["000", "expected a uid without a leading 0"],
    ["010", "expected a uid without a leading 0"],
    ["root", "uid 0 would exempt every client that runs as root"],
    ["4294967295", "expected a uid from 1 to 4294967294"],
    ["99999999999999999999", "expected a uid from 1 to 4294967294"],
    ["nobody-here", "no such user here"],
    ["-1", "expected a user's name or a uid"],
    ["a b", "expected a user's name or a uid"],
    ["", "expected a user's name or a uid"],
  ] as const
) {
  Deno.test(`resolveUser() refuses "${user}" and says why`, async () => {
    await assertRejects(() => resolveUser(user, run), UsageError, says);
  });
}

Deno.test("resolveUser() asks for a number when names cannot be looked up", async () => {
  await assertRejects(
    () => resolveUser("proxy", () => Promise.resolve("not found")),
    UsageError,
    "id is not on PATH, give the uid",
  );
});
