import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import type { BundledPackage } from "../../deploy/bundled_packages.ts";
import { makeSbom, type SbomParts } from "../../deploy/sbom.ts";

const SHA512 = new Uint8Array(64).fill(0xab);

const NPM: BundledPackage = {
  registry: "npm",
  name: "@scope/one",
  version: "2.0.0",
  integrity: `sha512-${SHA512.toBase64()}`,
};

const JSR: BundledPackage = {
  registry: "JSR",
  name: "@std/yaml",
  version: "1.1.0",
  integrity: "bb".repeat(32),
};

const PARTS: SbomParts = {
  version: "1.2.3",
  build: { imports: "npm", commit: "0123456789ab" },
  epoch: 1_714_979_289,
  executables: ["x86_64", "aarch64"].map((machine) => ({
    name: `c2s-imds-1.2.3-${machine}`,
    sha256: "cd".repeat(32),
    deno: "9.9.9",
  })),
  packages: [NPM, JSR],
  licences: [
    { of: "@scope/one 2.0.0 (npm)", id: "ISC", text: "…" },
    { of: "@std/yaml 1.1.0 (JSR)", id: "MIT", text: "…" },
  ],
};

interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly licenses?: unknown;
  readonly hashes?: readonly { readonly content: string }[];
}

/** The part of an SBOM that is read here. */
interface Bom {
  readonly serialNumber: string;
  readonly metadata: {
    readonly timestamp: string;
    readonly component: Component;
    readonly properties: unknown;
  };
  readonly components: readonly Component[];
  readonly dependencies: readonly {
    readonly ref: string;
    readonly dependsOn?: readonly string[];
  }[];
  readonly compositions: readonly { readonly dependencies: string[] }[];
}

const BOM: Bom = JSON.parse(makeSbom(PARTS));

Deno.test("makeSbom() names the build and its time", () => {
  assertEquals(BOM.metadata.timestamp, "2024-05-06T07:08:09.000Z");
  assertEquals(BOM.metadata.component.version, "1.2.3");
  assertEquals(BOM.metadata.properties, [
    { name: "c2s-imds:commit", value: "0123456789ab" },
    { name: "c2s-imds:imports", value: "npm" },
  ]);
});

Deno.test("makeSbom() has every executable, its runtime once, and every package", () => {
  assertEquals(
    BOM.components.map(({ type, name, purl }) => [type, name, purl]),
    [
      ["file", "c2s-imds-1.2.3-x86_64", undefined],
      ["file", "c2s-imds-1.2.3-aarch64", undefined],
      ["platform", "deno", "pkg:github/denoland/deno@v9.9.9"],
      ["library", "@scope/one", "pkg:npm/%40scope/one@2.0.0"],
      ["library", "@std/yaml", "pkg:generic/%40std/yaml@1.1.0"],
    ],
  );
  const one = BOM.components.find(({ name }) => name === NPM.name);
  assertEquals(one?.hashes?.[0]?.content, "ab".repeat(64));
  assertEquals(one?.licenses, [{ license: { id: "ISC" } }]);
});

Deno.test("makeSbom() refers to nothing that is not there", () => {
  const refs = [BOM.metadata.component, ...BOM.components]
    .map((it) => it["bom-ref"]);
  assertEquals(new Set(refs).size, refs.length);
  const used = [
    ...BOM.dependencies.flatMap(({ ref, dependsOn = [] }) => [
      ref,
      ...dependsOn,
    ]),
    ...BOM.compositions.flatMap(({ dependencies }) => dependencies),
  ];
  assertEquals(used.filter((ref) => !refs.includes(ref)), []);
  assertEquals(
    BOM.dependencies.find(({ ref }) => ref === "file:c2s-imds-1.2.3-x86_64")
      ?.dependsOn,
    [
      "deno@9.9.9",
      "pkg:npm/%40scope/one@2.0.0",
      "pkg:generic/%40std/yaml@1.1.0",
    ],
  );
});

Deno.test("makeSbom() numbers the same parts equally, and others otherwise", () => {
  const numberOf = (parts: SbomParts): string =>
    JSON.parse(makeSbom(parts)).serialNumber;
  assertEquals(numberOf(structuredClone(PARTS)), BOM.serialNumber);
  assertNotEquals(numberOf({ ...PARTS, epoch: 0 }), BOM.serialNumber);
  assertMatch(
    BOM.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

Deno.test("makeSbom() throws when nobody has read a licence", () => {
  assertThrows(
    () => makeSbom({ ...PARTS, packages: [{ ...JSR, version: "1.1.1" }] }),
    Error,
    "Cannot tell the licence of @std/yaml 1.1.1 (JSR)",
  );
});
