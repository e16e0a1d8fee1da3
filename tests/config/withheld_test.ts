/**
 * Overrides hold what nobody else may read, user data for one, and errors go
 * to a log: none may repeat what stands there.
 *
 * @module
 */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";

/** What no error and no log may hold. */
const SECRET = "hunter2secret";

/** What somebody wrote for a value or a text under `overrides`. */
const TEXTS: readonly string[] = [
  `*${SECRET}`,
  `!${SECRET} x`,
  `!${SECRET}! x`,
  `!a!${SECRET} x`,
  `!<${SECRET}> x`,
  `!<a\n${SECRET}> x`,
  `!<a^${SECRET}> x`,
  `!!int ${SECRET}`,
  `!!binary ${SECRET}!`,
  `"${SECRET}`,
  `"${SECRET}\\q"`,
  `'${SECRET}`,
  `${SECRET}: ${SECRET}`,
  `@${SECRET}`,
  `\`${SECRET}`,
  `%${SECRET}`,
  `|\n${SECRET}`,
  `[${SECRET}`,
  `{${SECRET}`,
  `[${SECRET}]`,
  `{${SECRET}: ${SECRET}}`,
];

/** Files that no program can use, as configuration or as profile. */
const BROKEN_SECRETS: readonly string[] = [
  SECRET,
  `"${SECRET}"`,
  `[${SECRET}]`,
  `overrides: ${SECRET}`,
  `overrides: [${SECRET}]`,
  `overrides: {a:${SECRET}}`,
  `overrides: {"*/user-data": ${SECRET}}`,
  `overrides: {"*/user data": ${SECRET}}`,
  `overrides: {"*/user-data": [${SECRET}]}`,
  `overrides: {"*/user-data": {${SECRET}}}`,
  `overrides: {"*/user-data": {text:${SECRET}}}`,
  `overrides: {"*/user-data": {body: ${SECRET}}}`,
  `overrides: {"*/user-data": {text: a, file: ${SECRET}}}`,
  `overrides: {"*/user-data": {file: ${SECRET}}}`,
  `overrides: {"*/user-data": {file: /${SECRET}/${SECRET}}}`,
  `overrides: {"*/user-data": {file: ./${SECRET}}}`,
  `overrides: {"*/user-data": {status: ${SECRET}}}`,
  `overrides: {"*/user-data": {fields: ${SECRET}}}`,
  `overrides: {"*/user-data": {fields: {a:${SECRET}}}}`,
  `overrides: {"*/user-data": {fields: {a: [${SECRET}]}}}`,
  `overrides:\n  a: {text: "x"}\n  a: {text: ${SECRET}}`,
  `%TAG !${SECRET}! a\n%TAG !${SECRET}! b\n---\noverrides: {}`,
  ...TEXTS.map((text) => `overrides:\n  "*/user-data":\n    text: ${text}\n`),
];

function refusal(flag: string, yaml: string): string {
  return assertThrows(
    () =>
      readServeConfig([flag], {}, (path) => {
        if (path.endsWith(".yaml")) return yaml;
        throw new Deno.errors.NotFound(path);
      }),
    UsageError,
  ).message;
}

Deno.test("readServeConfig() repeats nothing of what a broken file keeps secret", () => {
  for (const yaml of BROKEN_SECRETS) {
    for (const flag of ["--config=c.yaml", "--profile=./p.yaml"]) {
      const message = refusal(flag, yaml);
      assertEquals(message.includes(SECRET), false, message);
      assertEquals(message.includes("\n"), false);
    }
  }
});

Deno.test("readServeConfig() says of what kind a value under overrides is, and where it stands", () => {
  for (
    const [yaml, message] of [
      [
        SECRET,
        `Cannot use a text for key "overrides > */a" in "c.yaml": expected a mapping`,
      ],
      [
        `{text:${SECRET}}`,
        `Unknown key under "overrides > */a" in "c.yaml": expected text, file, status, fields`,
      ],
      [
        `{fields: {b:${SECRET}}}`,
        `Cannot use nothing for a key under "overrides > */a > fields" in "c.yaml": expected text of 64 KiB at most, in quotes where YAML takes it for something else`,
      ],
    ] as const
  ) {
    const whole = `overrides: {"*/a": ${yaml}}`;
    assertEquals(refusal("--config=c.yaml", whole), message);
  }
});

Deno.test("readServeConfig() keeps the parser's reason and the place of what is no YAML", () => {
  for (
    const [yaml, reason] of [
      [
        `overrides:\n  a: *${SECRET}`,
        /unidentified alias … at line 2, column \d+$/,
      ],
      [
        `overrides:\n  a: "${SECRET}`,
        /nexpected end of the stream within a double quoted scalar at line \d, column \d+$/,
      ],
      ["listen: [", / at line \d, column \d+$/],
      ["a: 1\na: 2", /duplicated (?:mapping )?key at line 2, column \d+$/],
      ["[".repeat(200_000), /nested too deeply$/],
    ] as const
  ) {
    assertMatch(
      refusal("--config=c.yaml", yaml),
      new RegExp(
        `^Cannot read configuration file "c\\.yaml": expected YAML: .*?${reason.source}`,
      ),
    );
  }
});
