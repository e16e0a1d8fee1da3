import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { treeFromData } from "../../lib/simulator/data_file.ts";
import { defaultTree } from "../../lib/simulator/default_instance.ts";

const BASE = {
  "meta-data": { placement: { region: "us-east-1", zone: "a" }, mac: "02" },
  "user-data": "old",
};

function read(yaml: string) {
  return treeFromData(yaml, "data.yaml", BASE);
}

Deno.test("treeFromData() merges mappings and replaces leaves", () => {
  assertEquals(
    read(
      "meta-data: {placement: {region: us-west-2, new: {x: y}}, mac: {a: b}}",
    ),
    {
      "meta-data": {
        placement: { region: "us-west-2", zone: "a", new: { x: "y" } },
        mac: { a: "b" },
      },
      "user-data": "old",
    },
  );
});

Deno.test("treeFromData() takes away what is null", () => {
  assertEquals(
    read(
      "meta-data: {placement: {zone: null}, nothing: null}\nuser-data: null",
    ),
    { "meta-data": { placement: { region: "us-east-1" }, mac: "02" } },
  );
});

Deno.test("treeFromData() begins with nothing when told to replace", () => {
  assertEquals(read("replace: true\ndynamic: {x: {y: z}}"), {
    dynamic: { x: { y: "z" } },
  });
});

Deno.test("treeFromData() changes nothing when the file is empty", () => {
  assertEquals(read(""), BASE);
  assertEquals(read("# nothing\n"), BASE);
  assertEquals(read("replace: false\n"), BASE);
});

Deno.test("treeFromData() takes bytes as !!binary", () => {
  const bytes = new Uint8Array([0, 255, 31]);
  assertEquals(read("user-data: !!binary AP8f")["user-data"], bytes);
  assertEquals(read("openstack: {user_data: !!binary AP8f}").openstack, {
    user_data: bytes,
  });
});

Deno.test("treeFromData() leaves its base alone", () => {
  const base = defaultTree();
  treeFromData("meta-data: {placement: null}", "data.yaml", base);
  assert(base["meta-data"]?.placement !== undefined);
});

Deno.test("treeFromData() keeps a name every object inherits as a name", () => {
  const { "meta-data": data = {} } = read("meta-data: {__proto__: {x: y}}");
  assert(Object.hasOwn(data, "__proto__"));
  assertEquals(Object.getPrototypeOf(data), Object.prototype);
});

Deno.test("treeFromData() names file, place and expectation when the file is wrong", () => {
  const cases: Record<string, string> = {
    "a: [": "expected YAML: ",
    "[1]": "expected a mapping, got a list",
    "hello": "expected a mapping, got text",
    "replace: yes please": 'expected true or false at "replace", got text',
    "metadata: {}": 'unknown key "metadata", expected "meta-data"',
    "whatever: {}":
      'unknown key "whatever", expected replace, meta-data, dynamic, user-data, openstack',
    "toString: {}": 'unknown key "toString"',
    "meta-data: text": 'expected a mapping or null at "meta-data", got text',
    "dynamic: [a]": 'expected a mapping or null at "dynamic", got a list',
    "user-data: {a: b}":
      'expected text, !!binary or null at "user-data", got a mapping',
    "user-data: 12":
      'expected text, !!binary or null at "user-data", got a number (quote it)',
    "meta-data: {ami-launch-index: 0}":
      'expected text, !!binary, a mapping or null at "meta-data/ami-launch-index", got a number (quote it)',
    "meta-data: {a: {b: true}}":
      'at "meta-data/a/b", got a truth value (quote it)',
    "meta-data: {a: 2024-01-02}": 'at "meta-data/a", got a time (quote it)',
    "meta-data: {a/b: c}": 'expected one path segment for "a/b"',
    "meta-data: {'': c}": 'expected one path segment for ""',
    "meta-data: &loop {again: *loop}": "expected at most 16 levels",
  };
  for (const [yaml, message] of Object.entries(cases)) {
    const error = assertThrows(() => read(yaml), UsageError, message);
    assert(
      error.message.startsWith('Cannot read data file "data.yaml": '),
      error.message,
    );
    assert(!error.message.includes("\n"), error.message);
  }
});
