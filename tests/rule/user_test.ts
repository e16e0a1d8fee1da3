import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseUser } from "../../lib/config/sourced_value.ts";
import { UsageError } from "../../lib/cli/message.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { resolveUser } from "../../lib/rule/user.ts";

const USERS: Readonly<Record<string, string>> = { proxy: "990", toor: "0" };

const run: Runner = ([, , name = ""]) =>
  Promise.resolve({
    code: USERS[name] === undefined ? 1 : 0,
    stdout: `${USERS[name] ?? ""}\n`,
    stderr: "",
  });

function resolve(text: string, runner = run): Promise<number> {
  const user = parseUser({ text, source: "C2S_IMDS_USER" });
  return resolveUser(user, runner);
}

function never(): Promise<never> {
  throw new Error("no command is needed for a number");
}

Deno.test("resolveUser() takes a number as it is and looks a name up", async () => {
  assertEquals(await resolve("10169", never), 10_169);
  assertEquals(await resolve("4294967294", never), 4_294_967_294);
  assertEquals(await resolve("proxy"), 990);
});

for (
  const [user, says] of [
    ["0", "uid 0 would exempt every client that runs as root"],
    ["000", "expected a user's name or a uid from 1 to 4294967294"],
    ["010", "expected a user's name or a uid from 1 to 4294967294"],
    ["root", "uid 0 would exempt every client that runs as root"],
    ["toor", "uid 0 would exempt every client that runs as root"],
    ["4294967295", "expected a user's name or a uid from 1 to 4294967294"],
    [
      "99999999999999999999",
      "expected a user's name or a uid from 1 to 4294967294",
    ],
    ["nobody-here", "no such user here"],
    ["-1", "expected a user's name or a uid from 1 to 4294967294"],
    ["a b", "expected a user's name or a uid from 1 to 4294967294"],
    ["", "expected a user's name or a uid from 1 to 4294967294"],
  ] as const
) {
  Deno.test(`resolveUser() refuses "${user}", and says why and where it was given`, async () => {
    const { message } = await assertRejects(
      async () => await resolve(user),
      UsageError,
      says,
    );
    assertStringIncludes(message, `"${user}" for C2S_IMDS_USER: `);
  });
}

Deno.test("resolveUser() asks for a number when names cannot be looked up", async () => {
  await assertRejects(
    () => resolve("proxy", () => Promise.resolve("not found")),
    UsageError,
    'Cannot look up "proxy" for C2S_IMDS_USER: id is not on PATH, give the uid',
  );
});
