import { assertEquals, assertThrows } from "@std/assert";
import { bundledPackages } from "../../deploy/bundled_packages.ts";

const LOCK = {
  jsr: {
    "@std/assert@1.0.19": { integrity: "aa" },
    "@std/yaml@1.1.0": { integrity: "bb" },
  },
  npm: {
    "@scope/one@2.0.0_peer@1.0.0": { integrity: "sha512-YQ==" },
    "esprima@4.0.1": { integrity: "sha512-Yg==" },
    "js-yaml@3.14.2": { integrity: "sha512-Yw==" },
  },
};

const find = (...sources: string[]) =>
  bundledPackages(sources, LOCK, "/src/c2s-imds/").map((
    { registry, name, version, integrity },
  ) => `${registry} ${name} ${version} ${integrity}`);

Deno.test("bundledPackages() finds packages in caches and at addresses, sorted, and no other", () => {
  assertEquals(
    find(
      "/home/user/.cache/deno/npm/registry/js-yaml/3.14.2/index.js",
      "/home/user/.cache/deno/npm/registry/js-yaml/3.14.2/lib/js-yaml.js",
      "/src/c2s-imds/.cache/npm/registry/@scope/one/2.0.0/index.js",
      "https://jsr.example.com/@std/yaml/1.1.0/parse.ts",
      // The project's own sources are no package.
      "/src/c2s-imds/lib/proxy/proxy.ts",
      "/src/c2s-imds/deploy/offline/yaml.ts",
      "/src/c2s-imds/deno.json",
    ),
    [
      "npm @scope/one 2.0.0 sha512-YQ==",
      "JSR @std/yaml 1.1.0 bb",
      "npm js-yaml 3.14.2 sha512-Yw==",
    ],
  );
});

Deno.test("bundledPackages() throws when a source is nobody's", () => {
  for (
    const source of [
      "https://example.com/mod.ts",
      "/home/user/.cache/deno/npm/registry/js-yaml/3.14.1/index.js",
      "/src/c2s-imds/.cache/npm/registry/left-pad/1.0.0/index.js",
      "/src/other/lib/proxy.ts",
    ]
  ) {
    assertThrows(() => find(source), Error, source);
  }
});
