/**
 * Load through wrk, a closed loop: every connection asks again as soon as it
 * has its answer.
 *
 * @module
 */
import { output } from "./processes.ts";

/** What wrk measured. */
export interface Load {
  /** Answers. */
  readonly requests: number;
  /** How long it took. */
  readonly seconds: number;
  /** Bytes that came, heads included. */
  readonly bytes: number;
  /** Requests that failed, or were answered with 400 or more. */
  readonly failed: number;
  /** Half the answers took no longer, in milliseconds. */
  readonly p50: number;
  /** 99 of 100 answers took no longer, in milliseconds. */
  readonly p99: number;
  /** 999 of 1,000 answers took no longer, in milliseconds. */
  readonly p999: number;
}

/** How much load is made. */
export interface LoadOptions {
  /** Connections that ask at one time. */
  readonly connections: number;
  /** For how long, in seconds. */
  readonly seconds: number;
}

/** Longer than any load, in seconds. */
const LONGEST = 60;

/**
 * Makes load.
 *
 * @param url what is asked for
 * @param options how much
 */
export async function load(
  url: string,
  { connections, seconds }: LoadOptions,
): Promise<Load> {
  // wrk knows whole seconds only, and tells what it has when it is interrupted.
  const said = await output(
    "timeout",
    "--signal=INT",
    `${seconds}`,
    "wrk",
    "--threads=1",
    `--connections=${connections}`,
    `--duration=${LONGEST}s`,
    "--timeout=10s",
    `--script=${new URL("wrk.lua", import.meta.url).pathname}`,
    url,
  );
  const line = said.split("\n").find((it) => it.startsWith("{"));
  if (line === undefined) throw new Error(`wrk failed: ${said.trim()}`);
  return JSON.parse(line);
}
