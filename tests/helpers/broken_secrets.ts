/**
 * Files that are wrong where something secret stands.
 *
 * @module
 */

/** What no error and no log may hold. */
export const SECRET = "hunter2secret";

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
export const BROKEN_SECRETS: readonly string[] = [
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
