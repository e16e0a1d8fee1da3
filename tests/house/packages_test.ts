import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { sourceFiles } from "../helpers/files.ts";

/** A need of a test, as helpers/requires.ts has it. */
const NEED = /\b(?:command|python): "([^"]+)",\s*from: "([^"]+)"/g;

Deno.test(".ci/run installs every Debian package that a test names as its need", () => {
  const [script] = sourceFiles(".ci/run");
  const [, list = ""] = script?.text.match(
    /^apt-get install -y((?:[^\n]*\\\n)+[^\n]*)>\/dev\/null$/m,
  ) ?? [];
  const installed = list.split(/[\s\\]+/);
  const needs = sourceFiles("tests").flatMap(({ path, text }) =>
    [...text.matchAll(NEED)].map(([, what = "", name = ""]) => ({
      path,
      what,
      name,
    }))
  );
  // However the constants are called: each stands as a literal somewhere.
  assert(needs.some(({ name }) => name === "dnsmasq-base"));
  assert(needs.some(({ name }) => name === "cloud-init"));
  // Debian's Go and Rust are too old for the SDKs: .ci/run asks for others.
  const packages = needs.filter(({ name }) => !/\.(?:dev|rs)$/.test(name));
  assertEquals(packages.filter(({ name }) => !installed.includes(name)), []);
});

Deno.test(".ci/run calls the tasks of all rooms of tests", () => {
  const script = sourceFiles(".ci/run")[0]?.text ?? "";
  const called = Object.entries(config.tasks)
    .filter(([name]) => script.includes(`$deno task ${name}\n`))
    .map(([, { command }]) => `${command} `).join("");
  // The rooms without a task of their own.
  assertStringIncludes(called, "deno task -q test --clean --coverage");
  const run = sourceFiles("tests/run.ts")[0]?.text ?? "";
  const [, apart = ""] = /^const APART = \[([^\]]+)\]/m.exec(run) ?? [];
  for (const [, room = ""] of apart.matchAll(/"([^"]+)"/g)) {
    if (sourceFiles(room).length === 0) continue;
    assertStringIncludes(called, ` ${room} `);
  }
});
