/**
 * A log that a test reads.
 *
 * @module
 */
import { createLog, type Log, type LogOptions } from "../../lib/system/log.ts";

/** A log, and what it wrote so far. */
export interface RecordedLog {
  /** What is handed on. */
  readonly log: Log;
  /** Its lines. */
  readonly lines: string[];
  /** What it goes by, which may change. */
  readonly settings: LogOptions;
}

/**
 * Makes one.
 *
 * @param special what differs from every line as text
 */
export function recordLog(special: Partial<LogOptions> = {}): RecordedLog {
  const lines: string[] = [];
  const settings: LogOptions = {
    level: "debug",
    format: "text",
    write: (line) => lines.push(line),
    ...special,
  };
  return { log: createLog(settings), lines, settings };
}
