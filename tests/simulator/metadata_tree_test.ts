import { assert, assertEquals } from "@std/assert";
import {
  findNode,
  isDirectory,
  leafBytes,
  listDirectory,
} from "../../lib/simulator/metadata_tree.ts";

const TREE = {
  placement: { region: "us-east-1", "availability-zone": "us-east-1a" },
  "ami-id": "ami-1",
  "public-keys": { "0=first": { "openssh-key": "ssh" }, "10=second": {} },
};

Deno.test("findNode() finds leaves and directories by their segments", () => {
  assertEquals(findNode(TREE, ["placement", "region"]), "us-east-1");
  assertEquals(findNode(TREE, ["placement"]), TREE.placement);
  assertEquals(findNode(TREE, []), TREE);
});

Deno.test("findNode() finds nothing when a name is unknown or lies below a leaf", () => {
  for (
    const path of [["nope"], ["placement", ""], ["ami-id", "x"], ["."], [".."]]
  ) {
    assertEquals(findNode(TREE, path), undefined, path.join("/"));
  }
});

Deno.test("findNode() does not find what every object inherits", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    assertEquals(findNode(TREE, [name]), undefined, name);
  }
});

Deno.test("findNode() finds a numbered directory under its number alone", () => {
  assertEquals(findNode(TREE, ["public-keys", "0", "openssh-key"]), "ssh");
  assertEquals(findNode(TREE, ["public-keys", "1"]), undefined);
  assertEquals(findNode(TREE, ["public-keys", "0=fir"]), undefined);
});

Deno.test("listDirectory() sorts, marks directories and ends without a line feed", () => {
  assertEquals(listDirectory(TREE), "ami-id\nplacement/\npublic-keys/");
  assertEquals(listDirectory(TREE["public-keys"]), "0=first\n10=second");
  assertEquals(listDirectory({}), "");
});

Deno.test("leafBytes() gives text, bytes as they are, and what the clock makes of a leaf", () => {
  const bytes = new Uint8Array([0xff, 0x00]);
  assertEquals(leafBytes(bytes, 0), bytes);
  assertEquals(leafBytes("é", 0), new Uint8Array([0xc3, 0xa9]));
  assertEquals(leafBytes((now) => `${now}`, 7), new Uint8Array([0x37]));
});

Deno.test("isDirectory() tells directories from every kind of leaf", () => {
  assert(isDirectory({}));
  for (const leaf of ["", new Uint8Array(), () => ""]) {
    assert(!isDirectory(leaf));
  }
});
