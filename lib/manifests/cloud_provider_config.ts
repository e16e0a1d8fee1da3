/**
 * The installer's ConfigMap for the cloud provider, which up to OpenShift 4.9
 * lacks an entry that an emulated region needs (BZ1926975).
 *
 * @module
 */
import { parse } from "@std/yaml";
import { quote, UsageError } from "../config/usage_error.ts";

/** The entry: a cloud configuration that sets nothing. */
const ENTRY = { config: "[Global]\n" };

/**
 * Adds the entry where it is missing, and changes no other byte.
 *
 * @param text the ConfigMap as the installer wrote it
 * @param path names the file, for the message
 * @returns the new text; `undefined` where the entry is there
 * @throws {UsageError} for what is no such ConfigMap
 */
export function addGlobalConfig(
  text: string,
  path: string,
): string | undefined {
  const before = parseConfigMap(text, path);
  const data = before.data ?? {};
  if (!isMapping(data)) throw unexpected(path);
  if (data.config !== undefined) return undefined;
  const after = insertEntry(text);
  const expected = { ...before, data: { ...ENTRY, ...data } };
  if (JSON.stringify(reparse(after)) !== JSON.stringify(expected)) {
    throw unexpected(path);
  }
  return after;
}

/** Puts the entry first below `data:`, indented as its neighbours are. */
function insertEntry(text: string): string {
  const data = /^data:[ \t]*(?:\{\}|null|~)?[ \t]*\n(?<indent> +(?=\S))?/m;
  const indent = text.match(data)?.groups?.indent ?? "  ";
  const entry = `data:\n${indent}config: |\n${indent}  [Global]\n`;
  if (data.test(text)) {
    return text.replace(
      data,
      (_all, kept: string | undefined) => entry + (kept ?? ""),
    );
  }
  return `${text}${text.endsWith("\n") ? "" : "\n"}${entry}`;
}

function parseConfigMap(text: string, path: string): Record<string, unknown> {
  const value = reparse(text);
  if (isMapping(value) && value.kind === "ConfigMap") return value;
  throw unexpected(path);
}

function reparse(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unexpected(path: string): UsageError {
  return new UsageError(
    `Cannot add "config" to ${
      quote(path)
    }: expected a ConfigMap as openshift-install writes it, add it by hand`,
  );
}
