/**
 * A request and an answer as values, apart from the server that carries them.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { type Bytes, leafBytes } from "./metadata_tree.ts";

/** What an answer depends on. */
export interface SimulatorRequest {
  /** The method, as sent. */
  readonly method: string;
  /** The path of the target as sent, without query. */
  readonly path: string;
  /** One request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** What goes back. */
export interface SimulatorAnswer {
  /** The status code. */
  readonly status: number;
  /** Headers in the order of the service; the server adds length and date. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body; a HEAD request is told its length only. */
  readonly body: Bytes;
}

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

/**
 * An answer without a body, or with text for one.
 *
 * @param status its status code
 * @param headers its headers
 * @param text its body
 */
export function textAnswer(
  status: number,
  headers: SimulatorAnswer["headers"],
  text = "",
): SimulatorAnswer {
  return { status, headers, body: leafBytes(text, 0) };
}

/**
 * The answer to a method that a path does not take.
 *
 * @param allow the methods it takes
 * @param extra further headers
 */
export function notAllowed(
  allow: string,
  extra: SimulatorAnswer["headers"] = [],
): SimulatorAnswer {
  return textAnswer(STATUS_CODE.MethodNotAllowed, [["Allow", allow], ...extra]);
}
