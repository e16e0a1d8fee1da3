import { assertEquals } from "@std/assert";
import { numberChunks } from "../../deploy/chunks.ts";

/** A bundle as it comes from a folder that gives these hashes. */
function numbered(first: string, second: string): ReadonlyMap<string, string> {
  const files: Readonly<Record<string, string>> = {
    "c2s-imds.js":
      `import{a}from"./chunk-${first}.js";()=>import("./serve-${second}.js")`,
    [`chunk-${first}.js`]: `export const a="no-ABCDEFGH.js"`,
    [`serve-${second}.js`]: `import{a}from"./chunk-${first}.js"`,
    "lost-12345678.js": "",
  };
  return numberChunks("c2s-imds.js", (name) => files[name]);
}

Deno.test("numberChunks() names what is mentioned in the order of its mention, and nothing else", () => {
  assertEquals([...numbered("AAAAAAAA", "BBBBBBBB")], [
    ["c2s-imds.js", `import{a}from"./1.js";()=>import("./2.js")`],
    ["1.js", `export const a="no-ABCDEFGH.js"`],
    ["2.js", `import{a}from"./1.js"`],
  ]);
});

Deno.test("numberChunks() gives the same files when only the hashes differ", () => {
  assertEquals(
    [...numbered("ZZZZZZZZ", "11111111")],
    [...numbered("AAAAAAAA", "BBBBBBBB")],
  );
});
