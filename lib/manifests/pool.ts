/**
 * Names of machine config pools.
 *
 * @module
 */
import { refuse, type SourcedValue } from "../config/sourced_value.ts";

/** The pools that every cluster has. */
export const DEFAULT_POOLS: readonly string[] = ["master", "worker"];

/** A DNS label: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads the name of a pool, which is the role of its machine configs.
 *
 * @throws {UsageError} for what is no DNS label
 */
export function parsePool(given: SourcedValue): string {
  if (LABEL.test(given.text)) return given.text;
  return refuse(given, "the name of a pool, such as worker");
}
