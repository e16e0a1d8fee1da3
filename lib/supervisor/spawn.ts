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
import type { RuleView } from "../observe/rule_view.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream_source.ts";
import { type ChildUser, requireDroppedRights } from "./dropped_rights.ts";
import { heardAddresses } from "./heard_addresses.ts";
import {
  decode,
  encode,
  type FromChild,
  type ToChild,
  toPlain,
} from "./messages.ts";
import type { OwnCommand } from "./own_command.ts";
import type { Child } from "./supervisor.ts";
import { UpstreamWatch } from "./upstream_watch.ts";

/** What a child is told of while it lives. */
export interface ToldOf {
  /** Where its upstream is, if that moves. */
  readonly source?: UpstreamSource | undefined;
  /** The rule, where there is one to keep. */
  readonly rule?: RuleView | undefined;
}

/** A child that takes another configuration. */
export interface SpawnedChild extends Child {
  /** Serves by it from now on, where it can be changed. */
  configure(config: ServeConfig): void;
}

/**
 * Starts a child, and tells it what to do once it is sure that it has no right
 * which it should not have.
 *
 * @param command how this program starts itself
 * @param user whom it runs as
 * @param config what it serves with
 * @param toldOf what it is told of
 * @throws {Error} when the process cannot be started
 */
export function spawnChild(
  command: OwnCommand,
  user: ChildUser,
  config: ServeConfig,
  { source, rule }: ToldOf = {},
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
  const fit = requireDroppedRights(process.pid, user);
  // A child that is dead already is told by `ended`.
  const say = (message: ToChild) =>
    fit.then(() => input.write(encode(message))).catch(() => {});
  const tally = () => rule === undefined ? {} : { rule: rule.tally };
  say({ say: "serve", config: toPlain(config), ...tally() });
  const kill = () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
  };
  const watch = source && new UpstreamWatch({
    source,
    tell: (news) => say({ say: "upstream", news }),
  });
  const told = listen(process.stdout, {
    asked: config.listen,
    unreachable: (address) => watch?.failed(address),
    look: lookFor(rule, say),
    kill,
  });
  let unfit: string | undefined;
  fit.catch((error: Error) => {
    unfit = error.message;
    kill();
  });
  const ended = process.status.then(async ({ code, signal }) => {
    await input.close().catch(() => {});
    await fit.catch(() => {});
    await told.closed;
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  });
  const listening = Promise.race([
    told.listening,
    ended.then((how) => {
      throw new Error(
        told.reason() ??
          `The proxy ended early: ${how}${
            unfit === undefined ? "" : `; ${unfit}`
          }`,
      );
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
      say({ say: "ping", ...tally() });
      return answered;
    },
    configure: (changed) =>
      void say({ say: "configure", config: toPlain(changed) }),
    drain: (lingerMs) => void say({ say: "drain", lingerMs }),
    kill,
  };
}

/** The hidden subcommand that makes a process the child. */
export const CHILD_COMMAND = "serve-child";

/**
 * What looks at the rule for a child, once at a time, so that one that does
 * not read the answers fills no memory.
 */
function lookFor(
  rule: RuleView | undefined,
  say: (message: ToChild) => Promise<void>,
): () => void {
  let isLooking = false;
  return async () => {
    if (isLooking || rule === undefined) return;
    isLooking = true;
    const fault = await rule.fault();
    await say({ say: "rule", ...fault === undefined ? {} : { fault } });
    isLooking = false;
  };
}

/** What the child says; one that talks nonsense is not to be trusted. */
function listen(
  stream: ReadableStream<Uint8Array>,
  { asked, unreachable, look, kill }: {
    readonly look: () => void;
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
        else if (message.say === "look") look();
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
