/**
 * The child as a process: another user, no capability, no supplementary group,
 * a session of its own, an empty environment, and three pipes.
 *
 * @module
 */
import { quote } from "../config/usage_error.ts";
import type { ListenAddress, ServeConfig } from "../config/serve_config.ts";
import type { Log } from "../observe/log.ts";
import { firstWithin } from "../system/stop_order.ts";
import { type ChildUser, requireDroppedRights } from "./dropped_rights.ts";
import type { OwnCommand } from "./own_command.ts";
import {
  type ChildState,
  type DesiredChild,
  encodeLine,
  LONGEST_STATE,
  parseChildState,
  readLines,
  toPlain,
} from "./state.ts";

/** The hidden subcommand that makes a process the child. */
export const CHILD_COMMAND = "serve-child";

/**
 * How long the last lines of a child may take once it has ended, in
 * milliseconds: whoever else holds its pipes may keep them open for ever.
 */
const LAST_LINES_MS = 250;

/** The most characters of a log line that is handed on. */
const LONGEST_LOG_LINE = 16 * 1024;

/** What a child can be told beside the number of the line. */
export type Orders = Partial<Omit<DesiredChild, "line">>;

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
  /** Settles when it has said something new. */
  changed(): Promise<unknown>;
  /** Adds to what it shall be, and tells it all of that. */
  tell(orders: Orders): void;
  /** Ends it at once. */
  kill(): void;
}

/** What a child is started with. */
export interface SpawnParts {
  /** How this program starts itself. */
  readonly command: OwnCommand;
  /** Whom it runs as. */
  readonly user: ChildUser;
  /** The log. */
  readonly log: Log;
  /** Takes the lines that the child logs. */
  readonly stderr: (text: string) => void;
}

/**
 * Starts a child, and tells it what it shall be once it is sure that it has no
 * right which it should not have.
 *
 * @param parts what it is started with
 * @param config what it serves with
 * @param orders what else it is told
 * @throws {Error} when the process cannot be started
 */
export function spawnChild(
  { command, user, log, stderr }: SpawnParts,
  config: ServeConfig,
  orders: Orders = {},
): Child {
  const process = new Deno.Command(command.path, {
    args: [...command.args, CHILD_COMMAND],
    uid: user.uid,
    gid: user.gid,
    clearEnv: true,
    env: command.env,
    // The folder the parent was started in may be closed to this user.
    cwd: "/",
    // A session of its own: nothing it does reaches a terminal of root's.
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
  };
  let state: ChildState = { read: 0, requests: 0, looks: 0 };
  let change = Promise.withResolvers<unknown>();
  const { promise: listening, resolve, reject } = Promise.withResolvers<
    readonly ListenAddress[]
  >();
  // Whoever does not wait for it is told by `ended`.
  listening.catch(() => {});
  const states = process.stdout.getReader();
  const logs = process.stderr.getReader();
  const listen = async () => {
    for await (const line of readLines(states, LONGEST_STATE)) {
      try {
        state = parseChildState(line, config.listen);
      } catch {
        log.error("the proxy says what makes no sense, ending it", {
          pid: process.pid,
          said: quote(line),
        });
        return kill();
      }
      const { ports } = state;
      if (ports !== undefined) {
        resolve(
          config.listen.map((it, i) => ({ ...it, port: ports[i] ?? it.port })),
        );
      }
      change.resolve("changed");
      change = Promise.withResolvers();
    }
  };
  const heard = Promise.all([
    listen().catch((error) => {
      log.error("the proxy says what makes no sense, ending it", {
        pid: process.pid,
        error: String(error),
      });
      kill();
    }),
    relayLines(logs, stderr).catch(() => {}),
  ]);
  const orderer = new Orderer(process.stdin, {
    config: toPlain(config),
    ...orders,
  });
  let unfit: string | undefined;
  requireDroppedRights(process.pid, user).then(
    () => orderer.start(),
    (error: Error) => {
      unfit = error.message;
      kill();
    },
  );
  const ended = process.status.then(async ({ code, signal }) => {
    await firstWithin(LAST_LINES_MS, heard);
    for (const reader of [states, logs]) reader.cancel().catch(() => {});
    orderer.close();
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const early = `The proxy ended early: ${
      [how, unfit ?? []].flat().join("; ")
    }`;
    reject(new Error(state.failed ?? early));
    return how;
  });
  return {
    pid: process.pid,
    get state() {
      return state;
    },
    listening,
    ended,
    changed: () => change.promise,
    tell: (more) => orderer.tell(more),
    kill,
  };
}

/** Tells a child what it shall be; only the newest waits for a full pipe. */
class Orderer {
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #desired: Omit<DesiredChild, "line">;
  #line = 0;
  #isOpen = false;
  #isNew = true;

  constructor(
    input: WritableStream<Uint8Array>,
    desired: Omit<DesiredChild, "line">,
  ) {
    this.#input = input.getWriter();
    this.#desired = desired;
  }

  start(): void {
    this.#isOpen = true;
    this.#write();
  }

  tell(orders: Orders): void {
    this.#desired = { ...this.#desired, ...orders };
    this.#isNew = true;
    this.#write();
  }

  close(): void {
    this.#isOpen = false;
    this.#input.abort().catch(() => {});
  }

  async #write(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      while (this.#isNew) {
        this.#isNew = false;
        const line = encodeLine({ line: ++this.#line, ...this.#desired });
        await this.#input.write(line);
      }
      this.#isOpen = true;
    } catch {
      // The child is gone, which its end tells.
    }
  }
}

/**
 * Hands on what a child logs, line by line, without control characters: it may
 * end in a terminal of root's.
 *
 * @param reader reads the child's standard error
 * @param write takes a line
 */
export async function relayLines(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  write: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  const put = (line: string) =>
    write(
      `${
        line.slice(0, LONGEST_LOG_LINE).replaceAll(
          /[\p{Cc}\p{Zl}\p{Zp}]/gu,
          "?",
        )
      }\n`,
    );
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) put(line);
    if (done ? rest !== "" : rest.length > LONGEST_LOG_LINE) {
      put(rest);
      rest = "";
    }
    if (done) return;
  }
}
