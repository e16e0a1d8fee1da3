/**
 * The child as a process: another user, no capability, no supplementary group,
 * a session of its own, nothing of the parent's environment, and three pipes.
 *
 * @module
 */
import { quote } from "../cli/message.ts";
import type { ListenAddress, ServeConfig } from "../config/serve_config.ts";
import { type Log, unforged } from "../system/log.ts";
import { firstWithin } from "../system/stop_order.ts";
import { type ChildUser, requireDroppedRights } from "./dropped_rights.ts";
import type { OwnCommand } from "./own_command.ts";
import {
  type ChildState,
  type DesiredChild,
  encodeLine,
  NEW_CHILD,
  parseChildState,
  readLines,
} from "./state.ts";

/** The hidden subcommand that makes a process the child. */
export const CHILD_COMMAND = "serve-child";

/**
 * How long the last lines of a child may take once it has ended, in
 * milliseconds: whoever else holds its pipes may keep them open for ever.
 */
const LAST_LINES_MS = 250;

/** The most characters of a child's state. */
const LONGEST_STATE = 8 * 1024;

/** The most characters of a log line that is handed on. */
const LONGEST_LOG_LINE = 16 * 1024;

/** A child that was started. */
export interface Child {
  /** Its process id. */
  readonly pid: number;
  /** What it said last. */
  readonly state: ChildState;
  /**
   * Settles once it listens.
   *
   * @throws {Error} when it cannot, or ends before it does
   */
  readonly listening: Promise<readonly ListenAddress[]>;
  /** Settles when the process has ended, with how. */
  readonly ended: Promise<string>;
  /** Waits until it says something new; `false` where it ends instead. */
  changed(): Promise<boolean>;
  /** Adds to what it shall be, and tells it all of that. */
  tell(orders: Partial<DesiredChild>): void;
  /** Ends it at once. */
  kill(): void;
}

/** A process that has not been told anything yet. */
export interface ChildProcess {
  /** The process. */
  readonly process: Deno.ChildProcess;
  /** Settles once it is sure that it has no right which it should not have. */
  readonly fit: Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

/**
 * Each client's connection has a read buffer of a little over 16 KiB. With this
 * threshold glibc allocates it with mmap and returns it to the kernel when the
 * client leaves (mallopt(3)); its heap seldom shrinks.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: "16384" };

/**
 * Starts a process: another user, a session of its own, and no variables but
 * those that the runtime needs.
 *
 * @param command how this program starts itself
 * @param user whom it runs as
 * @throws {Error} when it cannot be started
 */
export function startChildProcess(
  command: OwnCommand,
  user: ChildUser,
): ChildProcess {
  const process = new Deno.Command(command.path, {
    args: [...command.args, CHILD_COMMAND],
    uid: user.uid,
    gid: user.gid,
    clearEnv: true,
    env: { ...command.env, ...ALLOCATOR },
    // The folder the parent was started in may be closed to this user.
    cwd: "/",
    // A session of its own: nothing it does reaches a terminal of root's.
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fit = requireDroppedRights(process.pid, user);
  // Whoever does not wait for it has no use for it any more.
  fit.catch(() => {});
  const kill = () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
  };
  return { process, fit, kill };
}

/** What a child works with. */
export interface ChildParts {
  /** The log. */
  readonly log: Log;
  /** Takes the lines that the child logs. */
  readonly stderr: (text: string) => void;
}

/**
 * Makes a process the child: tells it what it shall be once it is fit for it.
 *
 * @param started the process
 * @param parts what it works with
 * @param config what it serves with
 * @param orders what else it is told
 */
export function controlChild(
  { process, fit, kill }: ChildProcess,
  { log, stderr }: ChildParts,
  config: ServeConfig,
  orders: Partial<DesiredChild> = {},
): Child {
  const { pid } = process;

  let state = NEW_CHILD;
  let change = Promise.withResolvers<boolean>();
  const listening = Promise.withResolvers<readonly ListenAddress[]>();
  // Whoever does not wait for it is told by `ended`.
  listening.promise.catch(() => {});
  const states = process.stdout.getReader();
  const logs = process.stderr.getReader();
  const readStates = async () => {
    for await (const line of readLines(states, LONGEST_STATE)) {
      try {
        state = parseChildState(line, config.listen);
      } catch {
        const said = quote(line);
        log.error("the proxy says what makes no sense, ending it", {
          pid,
          said,
        });
        return kill();
      }
      const { ports } = state;
      if (ports !== undefined) {
        listening.resolve(
          config.listen.map((it, i) => ({ ...it, port: ports[i] ?? it.port })),
        );
      }
      change.resolve(true);
      change = Promise.withResolvers();
    }
  };
  const relayLog = async () => {
    for await (const line of readLines(logs, LONGEST_LOG_LINE)) {
      // It may end in a terminal of root's.
      stderr(`${unforged(line)}\n`);
    }
  };
  const streamsRead = Promise.allSettled([readStates(), relayLog()]);

  const input = process.stdin.getWriter();
  let desired: DesiredChild = { config, ...orders };
  let isTold = false;
  let isReady = false;
  /** Only the newest waits for a full pipe. */
  const write = async () => {
    if (!isReady) return;
    isReady = false;
    while (!isTold) {
      isTold = true;
      await input.write(encodeLine(desired));
    }
    isReady = true;
  };
  const tell = (more: Partial<DesiredChild>) => {
    desired = { ...desired, ...more };
    isTold = false;
    // The child may be gone, which its end tells.
    write().catch(() => {});
  };

  let unfit = "";
  fit.then(() => {
    isReady = true;
    tell({});
  }, (error: Error) => {
    unfit = `; ${error.message}`;
    kill();
  });
  const ended = process.status.then(async ({ code, signal }) => {
    await firstWithin(LAST_LINES_MS, streamsRead);
    for (const reader of [states, logs]) reader.cancel().catch(() => {});
    isReady = false;
    input.abort().catch(() => {});
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const early = `The proxy ended early: ${how}${unfit}`;
    listening.reject(new Error(state.failed ?? early));
    change.resolve(false);
    return how;
  });
  return {
    pid,
    get state() {
      return state;
    },
    listening: listening.promise,
    ended,
    changed: () => change.promise,
    tell,
    kill,
  };
}
