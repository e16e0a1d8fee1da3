/**
 * Starts the child as another user: no capability, no supplementary group, an
 * empty environment.
 *
 * @module
 */
import type {
  ListenAddress,
  ServeConfig,
  UpstreamAddress,
} from "../config/serve_config.ts";
import type { UpstreamSource } from "../proxy/upstream_source.ts";
import { heardAddresses } from "./heard_addresses.ts";
import { decode, encode, type FromChild, toPlain } from "./messages.ts";
import type { OwnCommand } from "./own_command.ts";
import type { Child } from "./supervisor.ts";
import { UpstreamWatch } from "./upstream_watch.ts";

/** The user a child runs as, by number. */
export interface ChildUser {
  /** Its user id; never 0. */
  readonly uid: number;
  /** Its group id. */
  readonly gid: number;
}

/** A child that takes another configuration. */
export interface SpawnedChild extends Child {
  /** Serves by it from now on, where it can be changed. */
  configure(config: ServeConfig): void;
}

/**
 * Starts a child.
 *
 * @param command how this program starts itself
 * @param user whom it runs as
 * @param config what it serves with
 * @param source tells where its upstream is, if that moves
 * @throws {Error} when the process cannot be started
 */
export function spawnChild(
  command: OwnCommand,
  user: ChildUser,
  config: ServeConfig,
  source?: UpstreamSource,
): SpawnedChild {
  const process = new Deno.Command(command.path, {
    args: [...command.args, CHILD_COMMAND],
    uid: user.uid,
    gid: user.gid,
    clearEnv: true,
    env: command.env,
    // The folder the parent was started in may be closed to this user.
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = process.stdin.getWriter();
  // A child that is dead already is told by `ended`.
  const say = (bytes: Uint8Array) => input.write(bytes).catch(() => {});
  say(encode({ say: "serve", config: toPlain(config) }));
  const kill = () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
  };
  const watch = source && new UpstreamWatch({
    source,
    tell: (news) => say(encode({ say: "upstream", news })),
  });
  const told = listen(process.stdout, {
    asked: config.listen,
    unreachable: (address) => watch?.failed(address),
    kill,
  });
  const ended = process.status.then(async ({ code, signal }) => {
    await input.close().catch(() => {});
    await told.closed;
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  });
  const listening = Promise.race([
    told.listening,
    ended.then((how) => {
      throw new Error(told.reason() ?? `The proxy ended early: ${how}`);
    }),
  ]);
  // Whoever does not wait for it is told by `ended`.
  listening.catch(() => {});
  watch?.run(ended);
  return {
    pid: process.pid,
    listening,
    ended,
    answers: () => {
      const answered = told.pong();
      say(encode({ say: "ping" }));
      return answered;
    },
    configure: (changed) =>
      void say(encode({ say: "configure", config: toPlain(changed) })),
    drain: (lingerMs) => void say(encode({ say: "drain", lingerMs })),
    kill,
  };
}

/** The hidden subcommand that makes a process the child. */
export const CHILD_COMMAND = "serve-child";

/** What the child says; one that talks nonsense is not to be trusted. */
function listen(
  stream: ReadableStream<Uint8Array>,
  { asked, unreachable, kill }: {
    readonly asked: readonly ListenAddress[];
    readonly unreachable: (address: UpstreamAddress) => void;
    readonly kill: () => void;
  },
) {
  const { promise: listening, resolve } = Promise.withResolvers<
    readonly ListenAddress[]
  >();
  let pong = Promise.withResolvers<void>();
  let reason: string | undefined;
  const read = async () => {
    try {
      for await (const message of decode<FromChild>(stream)) {
        if (message.say === "listening") {
          resolve(heardAddresses(message.addresses, asked));
        } else if (message.say === "failed") reason = message.reason;
        else if (message.say === "unreachable") unreachable(message.address);
        else pong.resolve();
      }
    } catch (error) {
      reason = `The proxy talks nonsense: ${error}`;
      kill();
    }
  };
  return {
    listening,
    closed: read(),
    reason: () => reason,
    pong: () => {
      pong = Promise.withResolvers();
      return pong.promise;
    },
  };
}
