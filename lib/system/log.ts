/**
 * The log: one line an event, as text or JSON, with UTC times. It is never
 * handed a token, a credential or a body.
 *
 * @module
 */

/** The levels, from the most to the least talkative. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The forms a line can take. */
export const LOG_FORMATS = ["text", "json"] as const;

/** One of {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Details of an event, by name. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** Writes one event. */
export type LogWrite = (message: string, fields?: LogFields) => void;

/** A log, one method a level. */
export type Log = Readonly<Record<LogLevel, LogWrite>>;

/** What may change while a log is in use: it is read at each event. */
export interface LogSettings {
  /** The least level that is written. */
  level: LogLevel;
  /** The form of a line. */
  format: LogFormat;
}

/** How a log is made. */
export interface LogOptions extends LogSettings {
  /** Takes each line, line feed included. */
  readonly write: (line: string) => void;
  /** The clock. */
  readonly now?: () => Date;
}

/** Values that need no quotes in a text line. */
const PLAIN = /^[\w./:@[\]+,=*%-]+$/;

/** What JSON leaves as it is, though readers may end a line or obey it. */
const UNSEEN = /[\x7f-\x9f\u2028\u2029]/g;

/** As JSON, on one line for every reader. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    UNSEEN,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function text(value: string | number | boolean): string {
  const plain = String(value);
  return PLAIN.test(plain) ? plain : json(plain);
}

/**
 * Makes a log.
 *
 * @param options its level, form and where its lines go
 */
export function createLog(options: LogOptions): Log {
  const { write, now = () => new Date() } = options;
  return eachLevel((level, rank) => (message, fields = {}) => {
    if (rank < LOG_LEVELS.indexOf(options.level)) return;
    const time = now().toISOString();
    write(
      options.format === "json"
        ? json({ time, level, message, ...fields }) + "\n"
        : textLine(time, level, message, fields),
    );
  });
}

/** Makes a log out of what writes events of a level. */
function eachLevel(make: (level: LogLevel, rank: number) => LogWrite): Log {
  return Object.fromEntries(
    LOG_LEVELS.map((level, rank) => [level, make(level, rank)]),
  ) as Log;
}

function textLine(
  time: string,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  const details = Object.entries(fields)
    .map(([name, value]) => ` ${name}=${text(value)}`).join("");
  return `${time} ${level} ${unforged(message)}${details}\n`;
}

/** A text without what could forge a second line, or steer a terminal. */
export function unforged(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?");
}

/** The span of time that a rate-limited log counts in, in milliseconds. */
export const RATE_LIMIT_MS = 60_000;

/**
 * Writes an event that anyone can cause at will at most so often in
 * {@linkcode RATE_LIMIT_MS}; the next one then says how many were held back.
 *
 * @param write writes it
 * @param most how often in that time
 */
export function rateLimitedLog(
  write: LogWrite,
  most = 1,
): LogWrite {
  let since = -Infinity;
  let written = 0;
  let held = 0;
  return (message, fields = {}) => {
    const now = performance.now();
    if (now - since >= RATE_LIMIT_MS) {
      since = now;
      written = 0;
    }
    if (written >= most) {
      held++;
      return;
    }
    write(message, held === 0 ? fields : { ...fields, held_back: held });
    written++;
    held = 0;
  };
}

/**
 * A log that writes each of its messages as {@linkcode rateLimitedLog} does.
 *
 * @param log where to; messages are constant texts, so that they are few
 */
export function rateLimited(log: Log): Log {
  return eachLevel((level) => {
    const limited = new Map<string, LogWrite>();
    return (message, fields) => {
      const write = limited.get(message) ?? rateLimitedLog(log[level]);
      limited.set(message, write);
      write(message, fields);
    };
  });
}
