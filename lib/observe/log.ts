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

/** How a log is made. */
export interface LogOptions {
  /** The least level that is written. */
  readonly level: LogLevel;
  /** The form of a line. */
  readonly format: LogFormat;
  /** Takes each line, line feed included. */
  readonly write: (line: string) => void;
  /** The clock. */
  readonly now?: () => Date;
}

/** Values that need no quotes in a text line. */
const PLAIN = /^[\w./:@[\]+,=*%-]+$/;

function text(value: string | number | boolean): string {
  const plain = String(value);
  return PLAIN.test(plain) ? plain : JSON.stringify(plain);
}

/**
 * Makes a log.
 *
 * @param options its level, form and where its lines go
 */
export function createLog(options: LogOptions): Log {
  const { level: least, format, write, now = () => new Date() } = options;
  const at = (level: LogLevel): LogWrite => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return () => {};
    if (format === "json") {
      return (message, fields = {}) =>
        write(
          JSON.stringify({
            time: now().toISOString(),
            level,
            message,
            ...fields,
          }) + "\n",
        );
    }
    return (message, fields = {}) => {
      const details = Object.entries(fields)
        .map(([name, value]) => ` ${name}=${text(value)}`).join("");
      // A message with a control character could forge a second line.
      const line = message.replaceAll(/\p{Cc}/gu, "?");
      write(`${now().toISOString()} ${level} ${line}${details}\n`);
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
