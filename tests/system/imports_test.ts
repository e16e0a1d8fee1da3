import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";
import { importsFromNpm } from "../../lib/system/imports.ts";

Deno.test("importsFromNpm() tells a file of this repository from a package of JSR's", () => {
  const offline = new URL("deploy/offline/yaml.ts", REPOSITORY).href;
  const resolved = import.meta.resolve("@std/yaml");
  assertEquals(importsFromNpm(), resolved === offline);
  // JSR's packages resolve to where they are downloaded from.
  assertEquals(importsFromNpm(), !/^https?:|^jsr:/.test(resolved));
});
