/**
 * What a client was told directly against what it was told through the proxy.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Client, Json } from "./clients.ts";

/** Which of the values in {@linkcode Client.changes}. */
const [REAL, EMULATED] = [0, 1] as const;

/**
 * Asserts that a client saw the real region directly and the emulated one
 * through the proxy, and that all the rest is equal.
 *
 * @param client what must change, and what must have been there unchanged
 * @param direct what it printed when it asked the service
 * @param proxied what it printed when it asked the proxy
 */
export function assertEmulated(
  client: Client,
  direct: Json,
  proxied: Json,
): void {
  assertSaw(client, direct, REAL);
  let expected = direct;
  for (const [path, values] of Object.entries(client.changes)) {
    expected = withValueAt(expected, path.split("/"), values[EMULATED]);
  }
  assertEquals(proxied, expected);
}

/** Asserts that a client saw a region, and what must be there beside it. */
export function assertSaw(
  { changes, kept }: Client,
  printed: Json,
  region: typeof REAL | typeof EMULATED = EMULATED,
): void {
  for (const [path, values] of Object.entries(changes)) {
    assertEquals(valueAt(printed, path), values[region], path);
  }
  for (const [path, value] of Object.entries(kept)) {
    assertEquals(valueAt(printed, path), value, path);
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
