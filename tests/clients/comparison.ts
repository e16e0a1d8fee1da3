/**
 * What a client was told directly against what it was told through the proxy.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Client, Ended, Json } from "./clients.ts";

/**
 * Asserts that a client was told the same through the proxy but for the region,
 * so far as it came.
 *
 * @param changes what must change
 * @param direct how it ended when it asked the service
 * @param proxied how it ended when it asked the proxy
 */
export function assertEmulated(
  { changes }: Pick<Client, "changes">,
  direct: Ended,
  proxied: Ended,
): void {
  let expected = direct.printed;
  for (const [path, [real, emulated]] of Object.entries(changes)) {
    if (valueAt(direct.printed, path) === real) {
      expected = withValueAt(expected, path.split("/"), emulated);
    }
  }
  assertEquals(proxied.printed, expected, proxied.stderr);
}

/** Asserts that a client saw the real region, and what must be beside it. */
export function assertSaw(
  { changes, kept }: Pick<Client, "changes" | "kept">,
  { printed, stderr }: Ended,
): void {
  for (const [path, [real]] of Object.entries(changes)) {
    assertEquals(valueAt(printed, path), real, `${path}: ${stderr}`);
  }
  for (const [path, value] of Object.entries(kept)) {
    assertEquals(valueAt(printed, path), value, `${path}: ${stderr}`);
  }
}

function valueAt(json: Json, path: string): Json | undefined {
  return path.split("/").reduce<Json | undefined>(
    (value, key) => entriesOf(value).get(key),
    json,
  );
}

function withValueAt(
  json: Json,
  [key, ...rest]: readonly string[],
  value: Json,
): Json {
  if (key === undefined) return value;
  const entries = entriesOf(json);
  entries.set(key, withValueAt(entries.get(key) ?? null, rest, value));
  return Array.isArray(json)
    ? [...entries.values()]
    : Object.fromEntries(entries);
}

function entriesOf(json: Json | undefined): Map<string, Json> {
  return new Map(
    typeof json === "object" && json !== null ? Object.entries(json) : [],
  );
}

/**
 * Does work again that crossed a full hour: then the simulator renews its
 * credentials, and what came before and after differs.
 */
export async function withinOneHour<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    const hour = new Date().getUTCHours();
    const result = await work();
    if (new Date().getUTCHours() === hour) return result;
  }
}
