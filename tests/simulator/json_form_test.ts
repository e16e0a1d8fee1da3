import { assertEquals } from "@std/assert";
import { ec2Json, novaJson } from "../../lib/simulator/json_form.ts";

const VALUE = { a: 'x": 1,\n', 'q"k': [1, { b: null }], none: {}, no: [] };

Deno.test("ec2Json() puts a space before the colon of keys only", () => {
  assertEquals(
    ec2Json(VALUE),
    `{
  "a" : "x\\": 1,\\n",
  "q\\"k" : [
    1,
    {
      "b" : null
    }
  ],
  "none" : {},
  "no" : []
}`,
  );
});

Deno.test("novaJson() writes one line with a space after commas and colons", () => {
  assertEquals(
    novaJson(VALUE),
    '{"a": "x\\": 1,\\n", "q\\"k": [1, {"b": null}], "none": {}, "no": []}',
  );
});

Deno.test("ec2Json() and novaJson() keep the value when parsed again", () => {
  assertEquals(JSON.parse(ec2Json(VALUE)), VALUE);
  assertEquals(JSON.parse(novaJson(VALUE)), VALUE);
});
