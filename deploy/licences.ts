/**
 * The licences of what is in the executable, as THIRD_PARTY_LICENSES has them.
 *
 * @module
 */
import type { BundledPackage } from "./bundled_packages.ts";

/** One licence. */
export interface Licence {
  /** Whose it is: a package with its version and registry, or a runtime. */
  readonly of: string;
  /** Its SPDX identifier. */
  readonly id: string;
  /** Its text. */
  readonly text: string;
}

const HEADING = /^==== (?<of>.+), (?<id>\S+) ====$/m;

/** Reads THIRD_PARTY_LICENSES. */
export function readLicences(text: string): Licence[] {
  const [, ...parts] = text.split(/^(?===== )/m);
  return parts.map((part) => {
    const { of = "", id = "" } = HEADING.exec(part)?.groups ?? {};
    return { of, id, text: part.replace(HEADING, "").trim() };
  });
}

/**
 * The SPDX identifier of a package's licence.
 *
 * @throws {Error} where nobody has read the licence of this version yet
 */
export function licenceOf(
  { name, version, registry }: BundledPackage,
  licences: readonly Licence[],
): string {
  const of = `${name} ${version} (${registry})`;
  const found = licences.find((licence) => licence.of === of);
  if (found !== undefined) return found.id;
  throw new Error(
    `Cannot tell the licence of ${of}: THIRD_PARTY_LICENSES lacks it`,
  );
}
