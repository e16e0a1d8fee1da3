import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { readDataFile } from "../../lib/simulator/data_file.ts";

const BASE = {
  "meta-data": { placement: { region: "us-east-1", zone: "a" }, mac: "02" },
  "user-data": "old",
};

function read(yaml: string) {
  return readDataFile("data.yaml", () => yaml, BASE);
}

Deno.test("readDataFile() merges mappings, replaces leaves and takes away what is null", () => {
  const BYTES = new Uint8Array([0, 255, 31]);
  for (
    const [yaml, want] of [
      ["", BASE],
      ["replace: false\n", BASE],
      ["replace: true\ndynamic: {x: {y: z}}", { dynamic: { x: { y: "z" } } }],
      [
        "meta-data: {placement: {region: eu, new: {x: y}}, mac: {a: b}}",
        {
          "meta-data": {
            placement: { region: "eu", zone: "a", new: { x: "y" } },
            mac: { a: "b" },
          },
          "user-data": "old",
        },
      ],
      [
        "meta-data: {placement: {zone: null}, nothing: null}\nuser-data: null",
        { "meta-data": { placement: { region: "us-east-1" }, mac: "02" } },
      ],
      [
        "replace: true\nuser-data: !!binary AP8f\nopenstack: {a: !!binary AP8f}",
        { "user-data": BYTES, openstack: { a: BYTES } },
      ],
    ] as const
  ) assertEquals(read(yaml), want, yaml);
});

Deno.test("readDataFile() keeps a name every object inherits as a name", () => {
  const { "meta-data": data = {} } = read("meta-data: {__proto__: {x: y}}");
  assert(Object.hasOwn(data, "__proto__"));
  assertEquals(Object.getPrototypeOf(data), Object.prototype);
});

Deno.test("readDataFile() names file, place and expectation, never a value, when the file is wrong", () => {
  for (
    const [yaml, ...parts] of [
      ["a: [", "expected YAML"],
      ["[1]", "a list", "a mapping"],
      ["replace: yes please", '"replace"', "true or false"],
      ["metadata: {}", '"metadata"', '"meta-data"'],
      ["toString: {}", '"toString"', "replace, meta-data, dynamic"],
      ["meta-data: secret", '"meta-data"', "expected a mapping or null"],
      ["dynamic: [secret]", '"dynamic"', "a list", "mapping"],
      ["user-data: {a: b}", '"user-data"', "expected text, !!binary or null"],
      ["user-data: 1234567", '"user-data"', "a number", "text in quotes"],
      ["meta-data: {a: {b: true}}", '"meta-data > a > b"', "text in quotes"],
      ["meta-data: {a: 2024-01-02}", '"meta-data > a"', "a date"],
      ["meta-data: {a/b: c}", '"meta-data > a/b"', "one segment"],
      ["meta-data: {'': c}", "one segment"],
      ["meta-data: &loop {again: *loop}", "at most 16 levels"],
    ] as const
  ) {
    const { message } = assertThrows(() => read(yaml), UsageError);
    const isWhole = ['"data.yaml"', ...parts].every((it) =>
      message.includes(it)
    );
    assert(isWhole, message);
    assert(!/secret"|1234567|\n/.test(message), message);
  }
});
