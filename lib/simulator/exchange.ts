/**
 * Paths as the services read them, and answers with their headers in the order
 * of the service.
 *
 * @module
 */
import type { Bytes } from "./metadata_tree.ts";

/**
 * The path of a request: what follows the authority, up to query or fragment.
 * A URL parser would normalise it.
 *
 * @param url the URL as the server hands it over
 */
export function pathOf(url: string): string {
  const rest = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return rest === "" ? "/" : rest;
}

/**
 * The segments of a path, decoded. Empty ones are dropped: the service ignores
 * a doubled slash (ex_aws#496, firecracker#1963). Dot segments are
 * names like any other, so that they find nothing.
 *
 * @param path a path, percent-encoded
 * @returns `undefined` for a malformed escape
 */
export function segmentsOf(path: string): readonly string[] | undefined {
  try {
    return path.split("/").filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** One header of an answer. */
export type AnswerHeader = [name: string, value: string];

const encoder = new TextEncoder();

/**
 * Makes an answer; the server keeps its body from a HEAD request.
 *
 * @param status its status code
 * @param headers its headers; the server adds length and date
 * @param body its body
 */
export function respond(
  status: number,
  headers: readonly AnswerHeader[],
  body: string | Bytes = "",
): Response {
  // Text would bring a content type of the runtime's own.
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  return new Response(bytes, { status, headers: [...headers] });
}
