/**
 * As much of HTTP/2 as it takes to ask over it without compression, and to
 * take the frames of the answers apart (RFC 9113, RFC 7541).
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";

/** How a client begins that knows the server speaks HTTP/2. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The types of frames (RFC 9113, 6). */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  CONTINUATION: 9,
} as const;

/** The flag that ends a stream. */
export const END_STREAM = 1;

/** The flag that ends a head. */
export const END_HEADERS = 4;

/** A number of 32 bits. */
export function number32(value: number): string {
  const bytes = [value >>> 24, value >>> 16, value >>> 8, value];
  return String.fromCharCode(...bytes.map((it) => it & 255));
}

/** A frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string,
): string {
  return number32(payload.length).slice(1) +
    String.fromCharCode(type, flags) + number32(stream) + payload;
}

/** A string of HPACK, as long as its prefix of 7 bits and a byte or two tell. */
export function text(value: string): string {
  if (value.length < 127) return String.fromCharCode(value.length) + value;
  let rest = value.length - 127;
  let length = "\x7f";
  for (; rest > 127; rest >>= 7) {
    length += String.fromCharCode(rest & 127 | 128);
  }
  return length + String.fromCharCode(rest) + value;
}

/** A field. */
export type Field = readonly [name: string, value: string];

/** Literal fields that are not put into any table. */
export function fieldsOf(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`)
    .join("");
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
    const fields: Field[] = [
      [":method", random.pick(["GET", "GET", "HEAD", "PUT", "CONNECT"])],
      [":scheme", "http"],
      ...random.pick<Field[]>([[[":authority", "169.254.169.254"]], []]),
      [":path", target().slice(0, 126)],
      // What has no Host is refused by its authority.
      ...random.pick<Field[]>([[["host", "169.254.169.254"]], []]),
      ...random.list(2, () =>
        random.pick<Field>([
          ["x-a", "b"],
          ["X-Upper", "b"],
          ["connection", "close"],
          ["transfer-encoding", "chunked"],
          ["host", "h"],
          ["content-length", "5"],
          ["x-split", "a\r\nx: y"],
        ])),
    ];
    const flags = END_STREAM | END_HEADERS;
    return frame(FRAME.HEADERS, flags, 2 * i + 1, fieldsOf(fields));
  });
  return PREFACE + frame(FRAME.SETTINGS, 0, 0, "") + requests.join("");
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
      type === FRAME.RST_STREAM ||
      (type === FRAME.DATA || type === FRAME.HEADERS) &&
        (byte(4) & END_STREAM) > 0
    ) ended.add(stream);
    if (type === FRAME.GOAWAY) away = true;
    at += 9 + length;
  }
  return { clean: at <= bytes.length || away, ended, away };
}
