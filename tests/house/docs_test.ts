/**
 * The documents, as far as reading them tells: tests/e2e/docs_test.ts runs
 * their commands.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { COMMANDS } from "../../lib/commands/registry.ts";
import { removal } from "../../lib/manifests/machine_config.ts";
import { MAX_MEMORY_MIB } from "../../lib/manifests/unit_settings.ts";
import { MAX_REQUEST_BODY } from "../../lib/proxy/admission.ts";
import { MAX_IN_FLIGHT, MAX_OF_A_USER } from "../../lib/proxy/places.ts";
import { MAX_BODIES } from "../../lib/proxy/admission.ts";
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";
import {
  anchorsOf,
  blocksOf,
  codeOf,
  commandsOf,
  documents,
  linksOf,
} from "../helpers/markdown.ts";

const DOCUMENTS = documents();

const BLOCKS = DOCUMENTS.flatMap(({ path, text }) =>
  blocksOf(text).map((block) => ({ ...block, place: `${path}:${block.line}` }))
);

/** What a block may be; docs/README.md says how each is tested. */
const MARKS = ["test", "node", "image", "cluster", "bench"].map((mark) =>
  `sh ${mark}`
);

const SHELL = BLOCKS.filter(({ info }) => MARKS.includes(info));

/** Flags of other programs, by the document that names them. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "docs/image.md": ["label", "offline", "platform", "security-opt", "target"],
  "docs/bootstrapping.md": ["partition"],
  "docs/performance.md": ["executable", "only", "other", "quick"],
};

/** The flags of each subcommand, as its help and so its options have them. */
const FLAGS = new Map(
  await Promise.all(
    COMMANDS.map(async ({ name, load }) =>
      [
        name,
        [...(await load()).help.matchAll(/^ +--([\w-]+)/gm)]
          .map(([, flag = ""]) => flag),
      ] as const
    ),
  ),
);

const GENERAL = ["help", "version"];

/** A flag's name: a value, or what it is repeated for, is not part of it. */
function flagsIn(command: string): string[] {
  return [...command.matchAll(/(?<=^|\s)--([\w-]+)/g)]
    .map(([, flag = ""]) => flag);
}

/** What is wrong with a call of the program; nothing if all is well. */
function faultsOf(call: string): string[] {
  const [first = "", ...rest] = call.split(/\s+/);
  const name = first.startsWith("--") ? "serve" : first;
  // In capitals, it stands for any.
  if (GENERAL.includes(name) || /^[A-Z]+$/.test(name)) return [];
  const known = FLAGS.get(name);
  if (known === undefined) return [`no subcommand ${name}`];
  return flagsIn([first, ...rest].join(" "))
    .filter((flag) => ![...known, ...GENERAL].includes(flag))
    .map((flag) => `${name} has no --${flag}`);
}

/** Where it is called; a namespace, a tag and its first line look alike. */
const CALL =
  /(?<=^|[\s(])(?<!--namespace |-t )c2s-imds (?!listening )((?:--)?[a-z][\w-]*(?=[\s=)]|$)[^;|&>)]*)/g;

/** The calls of the program in a command, whatever it is wrapped in. */
function callsIn(command: string): string[] {
  return [...command.replaceAll("c2s-imds c2s-imds", "c2s-imds").matchAll(CALL)]
    .map(([, call = ""]) => call.trim());
}

Deno.test("every block says what it is, and shell how it is tested", () => {
  const marks = [...MARKS, "text", "text output", "yaml"];
  assertEquals(
    BLOCKS.filter(({ info }) => !marks.includes(info))
      .map(({ place, info }) => `${place} ${info}`),
    [],
  );
  for (const mark of MARKS) {
    assert(BLOCKS.some(({ info }) => info === mark), `No block is ${mark}`);
  }
});

Deno.test("every YAML in the documents parses", () => {
  for (const { text, info, place } of BLOCKS) {
    if (info !== "yaml") continue;
    const value = parse(text);
    assert(typeof value === "object" && value !== null, place);
  }
});

Deno.test("every call of the program in the documents is one it knows", () => {
  const commands = [
    ...SHELL.flatMap((block) => commandsOf(block)),
    ...DOCUMENTS.flatMap(({ text }) => codeOf(text)),
  ];
  const calls = commands.flatMap(callsIn);
  assert(calls.length > 20, `Only ${calls.length} calls were found`);
  assertEquals(
    calls.flatMap((call) => faultsOf(call).map((it) => `${it} in "${call}"`)),
    [],
  );
});

Deno.test("every flag in the documents is one of the program's", () => {
  const known = new Set([...FLAGS.values(), GENERAL].flat());
  assertEquals(
    DOCUMENTS.flatMap(({ path, text }) =>
      codeOf(text).filter((code) => code.startsWith("--")).flatMap(flagsIn)
        // A switch may be turned off.
        .filter((flag) => !known.has(flag.replace(/^no-/, "")))
        .filter((flag) => !FOREIGN[path]?.includes(flag))
        .map((flag) => `${path}: --${flag}`)
    ),
    [],
  );
});

Deno.test("every link in the documents leads to a file and a heading that are there", () => {
  const missing = DOCUMENTS.flatMap(({ path, text }) =>
    linksOf(text).filter((target) => !/^https?:/.test(target)).filter(
      (target) => {
        const url = new URL(target, new URL(path, REPOSITORY));
        const [found] = sourceFiles(url.pathname);
        return found === undefined ||
          url.hash !== "" && !anchorsOf(found.text).includes(url.hash.slice(1));
      },
    ).map((target) => `${path}: ${target}`)
  );
  assertEquals(missing, []);
});

Deno.test("every source file that the documents name is there", () => {
  const named = DOCUMENTS.flatMap(({ path, text }) =>
    codeOf(text)
      .filter((code) => /^(?:bench|deploy|lib|tests)\/[\w./-]+\.ts$/.test(code))
      .map((file) => ({ path, file }))
  );
  assert(named.length > 9, `Only ${named.length} files were found`);
  assertEquals(
    named.filter(({ file }) => sourceFiles(file).length === 0)
      .map(({ path, file }) => `${path}: ${file}`),
    [],
  );
});

Deno.test("docs/README.md and README.md lead to every page", () => {
  const [index = ""] = sourceFiles("docs/README.md").map(({ text }) => text);
  const pages = DOCUMENTS.map(({ path }) => path)
    .filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assertEquals(
    pages.filter((path) => !linksOf(index).includes(path.slice(5))),
    [],
  );
  const readme = DOCUMENTS.find(({ path }) => path === "README.md");
  assert(linksOf(readme?.text ?? "").includes("docs/README.md"));
});

Deno.test("docs/removal.md has the command that the unit names", () => {
  const [text = ""] = sourceFiles("docs/removal.md").map(({ text }) => text);
  assertStringIncludes(text, `\n${removal("IMAGE")}\n`);
});

/** Sentences with numbers whose tests take them from lib/. */
const NUMBERS = [
  `fill a quarter of the ${MAX_IN_FLIGHT.toLocaleString("en")} places`,
  `${
    MAX_IN_FLIGHT.toLocaleString("en")
  } in all or ${MAX_OF_A_USER} of one user, or ${MAX_BODIES} bodies`,
  `Bodies over ${MAX_REQUEST_BODY / 1024} KiB`,
  `It may take ${MAX_MEMORY_MIB} MiB`,
];

Deno.test("the documents name the limits as they are", () => {
  const texts = DOCUMENTS.map(({ text }) => text.replaceAll(/\s+/g, " "));
  assertEquals(
    NUMBERS.filter((number) => !texts.some((text) => text.includes(number))),
    [],
  );
});

/** Commands that stand where messages do in docs/troubleshooting.md. */
const COMMAND = /^(?:c2s-imds|iptables|podman) /;

Deno.test("the messages in docs/troubleshooting.md are the program's own", () => {
  const [page = ""] = sourceFiles("docs/troubleshooting.md")
    .map(({ text }) => text);
  const said = sourceFiles("lib").map(({ text }) => text).join("\n");
  // A message begins its entry, or follows "check says" or a status code.
  const messages = [...page.matchAll(/^- (?:[^`.]*(?:says|,) )?`([^`]+)`/gm)]
    .map(([, code = ""]) => code).filter((code) => /^[a-zO][^-]* /.test(code));
  assert(messages.length > 15, `Only ${messages.length} messages were found`);
  assertEquals(
    messages.filter((message) =>
      !COMMAND.test(message) && !said.includes(message)
    ),
    [],
  );
});
