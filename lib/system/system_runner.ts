/**
 * The runner of real processes.
 *
 * @module
 */
import {
  type NotRun,
  type RunOptions,
  type RunResult,
  TIME_LIMIT_MS,
} from "./runner.ts";
import { after } from "./timers.ts";

/** How long the pipes of a killed command may take to close, in milliseconds. */
const CLOSE_MS = 500;

/**
 * Runs a command of this machine in the C locale, because its messages are
 * read. At its time limit it is killed with everything it started in its
 * process group: it may be a script around the real program. Needs the
 * permission to run it, and `kill`.
 */
export async function systemRunner(
  [name, ...args]: readonly [string, ...string[]],
  { stdin, timeoutMs = TIME_LIMIT_MS, signal }: RunOptions = {},
): Promise<RunResult | NotRun> {
  if (signal?.aborted) return "timeout";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(name, {
      args,
      env: { LC_ALL: "C", ...searchPath() },
      // A signal to our whole group must not cut a change short.
      detached: true,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "not found";
    throw error;
  }
  const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)];
  const fed = stdin === undefined ? undefined : feed(child.stdin, stdin);
  const all = Promise.all([child.status, stdout.text, stderr.text, fed]);
  const { promise: late, resolve } = Promise.withResolvers<"timeout">();
  const end = () => resolve("timeout");
  const inTime = after(timeoutMs, end);
  signal?.addEventListener("abort", end);
  try {
    const ended = await Promise.race([all, late]);
    if (ended !== "timeout") {
      const [{ code }, ...texts] = ended;
      return { code, stdout: texts[0], stderr: texts[1] };
    }
    await killGroup(child);
    const closed = Promise.withResolvers<unknown>();
    all.then(closed.resolve, closed.resolve);
    // What left the group may hold the pipes for ever.
    const isClosed = after(CLOSE_MS, () => {
      stdout.cancel();
      stderr.cancel();
      child.unref();
      closed.resolve("given up");
    });
    await closed.promise;
    isClosed();
    return "timeout";
  } finally {
    inTime();
    signal?.removeEventListener("abort", end);
  }
}

/**
 * PATH, and the folders that an ordinary user's PATH leaves out: who asks for
 * iptables there hears of root, not of a package that is installed.
 */
function searchPath(): { PATH?: string } {
  // Once `serve` has given up env, what it runs inherits PATH as it is.
  const { state } = Deno.permissions.querySync({ name: "env" });
  if (state !== "granted") return {};
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const more = Deno.uid() === 0
    ? []
    : ["/usr/local/sbin", "/usr/sbin", "/sbin"];
  const all = [...folders, ...more].filter((folder) => folder !== "");
  return { PATH: all.join(":") };
}

/**
 * Kills a command and what it started. `Deno.kill` would need the permission
 * to run everything.
 */
async function killGroup(child: Deno.ChildProcess): Promise<void> {
  try {
    await new Deno.Command("kill", {
      args: ["-KILL", "--", `-${child.pid}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch {
    // There is no such command here: at least the one that can be reached.
  }
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Reads a pipe to its end, or until it is cancelled. */
function gather(
  stream: ReadableStream<Uint8Array>,
): { readonly text: Promise<string>; cancel(): void } {
  const reader = stream.getReader();
  const read = async () => {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
    }
  };
  return { text: read(), cancel: () => void reader.cancel() };
}

async function feed(
  input: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  const writer = input.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading all of it: its exit code says why.
    await writer.abort().catch(() => {});
  }
}
