/**
 * As much of HTTP/2 as it takes to ask over it without compression, and to
 * take the frames of the answers apart (RFC 9113, RFC 7541).
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";

/** How a client begins that knows the server speaks HTTP/2. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string,
): string {
  const { length } = payload;
  return String.fromCharCode(
    length >> 16,
    length >> 8 & 255,
    length & 255,
    type,
    flags,
    0,
    0,
    stream >> 8,
    stream & 255,
  ) + payload;
}

/** A literal field that is not put into any table; up to 126 bytes each. */
function field(name: string, value: string): string {
  return `\0${String.fromCharCode(name.length)}${name}` +
    `${String.fromCharCode(value.length)}${value}`;
}

/**
 * Makes one to three requests over HTTP/2.
 *
 * @param random draws them
 * @param target makes a target
 */
export function http2Of(random: Random, target: () => string): string {
  const count = 1 + random.int(3);
  const requests = Array.from({ length: count }, (_, i) => {
    const fields = [
      [":method", random.pick(["GET", "GET", "HEAD", "PUT", "CONNECT"])],
      [":scheme", "http"],
      ...random.pick([[[":authority", "169.254.169.254"]], []]),
      [":path", target().slice(0, 126)],
      // What has no Host is refused by its authority.
      ...random.pick([[["host", "169.254.169.254"]], []]),
      ...random.list(2, () =>
        random.pick([
          ["x-a", "b"],
          ["X-Upper", "b"],
          ["connection", "close"],
          ["transfer-encoding", "chunked"],
          ["host", "h"],
          ["content-length", "5"],
          ["x-split", "a\r\nx: y"],
        ])),
    ];
    const block = fields.map(([name = "", value = ""]) => field(name, value));
    return frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, block.join(""));
  });
  return PREFACE + frame(SETTINGS, 0, 0, "") + requests.join("");
}

/** What a server sent over HTTP/2. */
export interface Frames {
  /** Whether the bytes are frames and nothing else. */
  readonly clean: boolean;
  /** The streams that it ended. */
  readonly ended: ReadonlySet<number>;
  /** Whether it will answer nothing more. */
  readonly away: boolean;
}

/**
 * Takes frames apart.
 *
 * @param bytes all that a server sent, one character a byte
 */
export function framesOf(bytes: string): Frames {
  const ended = new Set<number>();
  let away = false;
  let at = 0;
  while (at + 9 <= bytes.length) {
    const byte = (offset: number) => bytes.charCodeAt(at + offset);
    const length = byte(0) << 16 | byte(1) << 8 | byte(2);
    const type = byte(3);
    const stream = byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
    if (length > 16_384 || type > 9) return { clean: false, ended, away };
    if (
      type === RST_STREAM ||
      (type === DATA || type === HEADERS) && (byte(4) & END_STREAM) > 0
    ) ended.add(stream);
    if (type === GOAWAY) away = true;
    at += 9 + length;
  }
  return { clean: at <= bytes.length || away, ended, away };
}
