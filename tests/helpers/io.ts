/**
 * The outside world of a subcommand, in a test's own hands.
 *
 * @module
 */
import type { Io } from "../../lib/cli/command.ts";

/** An outside world, and what came of it. */
export interface FakeIo {
  /** What is handed to the subcommand. */
  readonly io: Io;
  /** All that it wrote so far. */
  readonly written: { stdout: string; stderr: string };
  /** The handlers of signals that are in place. */
  readonly handlers: ReadonlyMap<Deno.Signal, () => void>;
  /** Waits until standard output has a text. */
  printed(part: string): Promise<void>;
}

/**
 * Makes one.
 *
 * @param world the files there are, and what else differs from nothing
 */
export function fakeIo(
  { files = {}, ...world }:
    & { readonly files?: Readonly<Record<string, string>> }
    & Partial<Pick<Io, "env" | "columns">> = {},
): FakeIo {
  const written = { stdout: "", stderr: "" };
  const handlers = new Map<Deno.Signal, () => void>();
  const waiting = new Map<string, () => void>();
  const io: Io = {
    env: {},
    build: { imports: "npm" },
    columns: undefined,
    stdout(text) {
      written.stdout += text;
      for (const [part, resolve] of waiting) {
        if (written.stdout.includes(part)) resolve();
      }
    },
    stderr(text) {
      written.stderr += text;
    },
    flush: () => Promise.resolve(),
    readTextFile(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
    onSignal(signal, handler) {
      handlers.set(signal, handler);
      return () => handlers.delete(signal);
    },
    ...world,
  };
  return {
    io,
    written,
    handlers,
    printed: (part) =>
      new Promise((resolve) => {
        if (written.stdout.includes(part)) resolve();
        else waiting.set(part, resolve);
      }),
  };
}
