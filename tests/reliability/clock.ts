/**
 * Clocks that programs go by instead of the system's.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { Need } from "../helpers/requires.ts";

/** What tests with such a clock need. */
export const CLOCK_NEEDS: readonly Need[] = [
  { command: "faketime", from: "faketime" },
];

/** A clock on the wall that a test may set; the program's other is untouched. */
export interface WallClock extends AsyncDisposable {
  /** What makes a program go by it. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it so many days before or after the real one. */
  jump(days: number): Promise<void>;
}

/** Starts a clock that shows the real time. */
export async function startClock(): Promise<WallClock> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/offset`;
  const jump = async (days: number) => {
    // Renamed, it is never read half written.
    await Deno.writeTextFile(`${file}.new`, `${days < 0 ? "" : "+"}${days}d\n`);
    await Deno.rename(`${file}.new`, file);
  };
  await jump(0);
  return {
    env: {
      LD_PRELOAD: await library(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    jump,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** What the command would have programs load. */
async function library(): Promise<string> {
  const { stdout } = await new Deno.Command("faketime", {
    args: ["-f", "+0", "env"],
  }).output();
  const [, path] =
    /^LD_PRELOAD=(\S+)$/m.exec(new TextDecoder().decode(stdout)) ?? [];
  assert(path !== undefined);
  return path;
}
