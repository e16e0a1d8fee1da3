/**
 * What is in the executables, as CycloneDX 1.6:
 * https://cyclonedx.org/docs/1.6/json/
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Build } from "../lib/cli/version.ts";
import type { BundledPackage } from "./bundled_packages.ts";
import { type Licence, licenceOf } from "./licences.ts";

/** One executable. */
export interface Executable {
  /** Its file's name. */
  readonly name: string;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
  /** The version of the Deno in it. */
  readonly deno: string;
}

/** What an SBOM is made of. */
export interface SbomParts {
  /** The program's version. */
  readonly version: string;
  /** What the program was made from. */
  readonly build: Build;
  /** The time that stands for the build, in seconds since 1970. */
  readonly epoch: number;
  /** The executables. */
  readonly executables: readonly Executable[];
  /** The packages in each of them. */
  readonly packages: readonly BundledPackage[];
  /** The licences of the packages. */
  readonly licences: readonly Licence[];
}

const PROGRAM = "c2s-imds";

/**
 * Makes the SBOM, as text. The same parts make the same text.
 *
 * @throws {Error} where the licence of a package is not known
 */
export function makeSbom(parts: SbomParts): string {
  const { version, build, epoch, executables, packages } = parts;
  const program = `${PROGRAM}@${version}`;
  const runtimes = [...new Set(executables.map(({ deno }) => deno))].sort();
  const libraries = packages.map((it) => library(it, parts.licences));
  const inside = libraries.map((it) => it["bom-ref"]);
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1_000).toISOString(),
      component: {
        type: "application",
        "bom-ref": program,
        name: PROGRAM,
        version,
        licenses: [{ license: { id: "Apache-2.0" } }],
      },
      properties: [
        ...build.commit === undefined
          ? []
          : [{ name: `${PROGRAM}:commit`, value: build.commit }],
        { name: `${PROGRAM}:imports`, value: build.imports },
      ],
    },
    components: [
      ...executables.map(file),
      ...runtimes.map(runtime),
      ...libraries,
    ],
    dependencies: [
      { ref: program, dependsOn: executables.map(fileRef) },
      ...executables.map((it) => ({
        ref: fileRef(it),
        dependsOn: [runtimeRef(it.deno), ...inside],
      })),
      // In the code of each, and with nothing of their own in it.
      ...inside.map((ref) => ({ ref })),
    ],
    compositions: [
      { aggregate: "complete", dependencies: executables.map(fileRef) },
      // What Deno itself is made of stands in its own sources.
      { aggregate: "incomplete", dependencies: runtimes.map(runtimeRef) },
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(bom))}`;
  return `${JSON.stringify({ ...bom, serialNumber }, null, 2)}\n`;
}

function fileRef({ name }: Executable): string {
  return `file:${name}`;
}

function file(executable: Executable) {
  return {
    type: "file",
    "bom-ref": fileRef(executable),
    name: executable.name,
    hashes: [{ alg: "SHA-256", content: executable.sha256 }],
  };
}

function runtimeRef(version: string): string {
  return `deno@${version}`;
}

function runtime(version: string) {
  return {
    type: "platform",
    "bom-ref": runtimeRef(version),
    name: "deno",
    version,
    cpe: `cpe:2.3:a:deno:deno:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:github/denoland/deno@v${version}`,
    licenses: [{ license: { id: "MIT" } }],
  };
}

/** A package; package URLs have no type for JSR yet. */
function library(one: BundledPackage, licences: readonly Licence[]) {
  const type = one.registry === "npm" ? "npm" : "generic";
  const purl = `pkg:${type}/${one.name.replace("@", "%40")}@${one.version}`;
  return {
    type: "library",
    "bom-ref": purl,
    name: one.name,
    version: one.version,
    purl,
    licenses: [{ license: { id: licenceOf(one, licences) } }],
    ...one.registry === "npm" ? { hashes: [npmHash(one.integrity)] } : {
      properties: [{ name: "jsr:manifest-sha256", value: one.integrity }],
    },
  };
}

/** `sha512-BASE64`, as https://www.w3.org/TR/SRI/ has it. */
function npmHash(integrity: string) {
  const base64 = integrity.replace(/^sha512-/, "");
  return { alg: "SHA-512", content: Uint8Array.fromBase64(base64).toHex() };
}

/** A UUID of a text, version 8: RFC 9562, 5.8. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  const hex = new Uint8Array(bytes).toHex();
  const variant = (8 + parseInt(hex.charAt(16), 16) % 4).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join("-");
}
