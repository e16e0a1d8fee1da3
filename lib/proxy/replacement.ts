/**
 * A fixed answer in place of the upstream's, only where that shows that the
 * client may have it: whoever is refused gets the refusal.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { Edit } from "../rewrite/edits.ts";
import { type Header, headersOfReplaced } from "./headers.ts";

/** An answer with another body. */
export interface Replacement {
  /** The status code. */
  readonly status: number;
  /** The end-to-end headers. */
  readonly headers: readonly Header[];
  /** The body. */
  readonly bytes: Uint8Array;
}

const TEXT = "text/plain";

const encoder = new TextEncoder();

const NOT_FOUND = encoder.encode("404 - Not Found\n");

/**
 * Decides whether another answer takes the place of the upstream's.
 *
 * @param answer status and headers of the upstream's
 * @param edit what an identity makes of it
 * @returns `undefined` where the upstream's stays
 */
export function replacementOf(
  { status, headers }: Pick<Replacement, "status" | "headers">,
  edit: Edit | undefined,
): Replacement | undefined {
  // A range is of a body that is not the one the client gets.
  const there = status === STATUS_CODE.OK ||
    status === STATUS_CODE.PartialContent;
  if (edit?.kind === "absent") {
    return there
      ? {
        status: STATUS_CODE.NotFound,
        headers: headersOfReplaced(headers, TEXT),
        bytes: NOT_FOUND,
      }
      : undefined;
  }
  if (edit?.kind !== "text") return undefined;
  const bytes = encoder.encode(edit.text);
  if (there) {
    return {
      status: STATUS_CODE.OK,
      headers: headersOfReplaced(headers),
      bytes,
    };
  }
  return edit.adds && status === STATUS_CODE.NotFound
    ? {
      status: STATUS_CODE.OK,
      headers: headersOfReplaced(headers, TEXT),
      bytes,
    }
    : undefined;
}
