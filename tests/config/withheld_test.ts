/**
 * Overrides hold what nobody else may read, user data for one, and errors go
 * to a log: none may repeat what stands there.
 *
 * @module
 */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { BROKEN_SECRETS, SECRET } from "../helpers/broken_secrets.ts";

function refusal(args: readonly string[], yaml: string): string {
  return assertThrows(
    () =>
      readServeConfig(args, {}, (path) => {
        if (path.endsWith(".yaml")) return yaml;
        throw new Deno.errors.NotFound(path);
      }),
    UsageError,
  ).message;
}

for (const flag of ["--config=c.yaml", "--profile=./p.yaml"]) {
  Deno.test(`readServeConfig() repeats nothing of what a broken file of ${flag} keeps secret`, async (t) => {
    for (const yaml of BROKEN_SECRETS) {
      await t.step(yaml, () => {
        const message = refusal([flag], yaml);
        assertEquals(message.includes(SECRET), false, message);
        assertEquals(message.includes("\n"), false);
      });
    }
  });
}

const TEXT =
  "text of 64 KiB at most, in quotes where YAML takes it for something else";

Deno.test("readServeConfig() says of what kind a value under overrides is, and where it stands", () => {
  for (
    const [value, kind] of [
      [SECRET, "a text"],
      ["5", "a number"],
      ["true", "true or false"],
      ["[x]", "a list"],
      ["2001-01-01", "a date"],
      ["!!binary aGk=", "binary data"],
    ] as const
  ) {
    assertEquals(
      refusal(["--config=c.yaml"], `overrides: {"*/a": ${value}}`),
      `Cannot use ${kind} for key "overrides > */a" in "c.yaml": expected a mapping with text, file, status, fields`,
    );
  }
  assertEquals(
    refusal(["--config=c.yaml"], `overrides: {"*/a": {text:${SECRET}}}`),
    `Unknown key under "overrides > */a" in "c.yaml": did you mean "text"?`,
  );
  assertEquals(
    refusal(["--config=c.yaml"], `overrides: {"*/a": {fields: {b:${SECRET}}}}`),
    `Cannot use nothing for a key under "overrides > */a > fields" in "c.yaml": expected ${TEXT}`,
  );
  assertEquals(
    refusal(["--config=c.yaml"], "overrides:"),
    `Cannot use nothing for key "overrides" in "c.yaml": expected a mapping of paths to answers`,
  );
});

Deno.test("readServeConfig() keeps the parser's reason and the place of what is no YAML", () => {
  assertMatch(
    refusal(["--config=c.yaml"], `overrides:\n  a: *${SECRET}`),
    /^Cannot read configuration file "c\.yaml": expected YAML: .*unidentified alias … at line 2, column \d+$/,
  );
  assertMatch(
    refusal(["--config=c.yaml"], `overrides:\n  a: "${SECRET}`),
    /^Cannot read configuration file "c\.yaml": expected YAML: .*nexpected end of the stream within a double quoted scalar at line \d, column \d+$/,
  );
  assertEquals(
    refusal(["--config=c.yaml"], "[".repeat(200_000)),
    'Cannot read configuration file "c.yaml": expected YAML: nested too deeply',
  );
});
