/**
 * Manifests as YAML.
 *
 * @module
 */
import { stringify } from "@std/yaml";

/**
 * Renders one document each, nothing folded and nothing shared.
 *
 * @param documents plain values
 */
export function renderYaml(documents: readonly unknown[]): string {
  return documents
    .map((one) => stringify(one, { lineWidth: -1, useAnchors: false }))
    .join("---\n");
}
