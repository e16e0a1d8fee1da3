/**
 * The unprivileged child: serves what its parent tells it and obeys nothing
 * but the pipe to it.
 *
 * @module
 */
import type { ServeConfig } from "../config/serve_config.ts";
import {
  createLog,
  type Log,
  type LogOptions,
  type LogSettings,
} from "../observe/log.ts";
import { startServing } from "../admin/serving.ts";
import type { Proxy } from "../proxy/proxy.ts";
import {
  decode,
  encode,
  type FromChild,
  fromPlain,
  type ToChild,
} from "./messages.ts";
import { ToldRule } from "./told_rule.ts";
import { ToldSource } from "./told_source.ts";
import { after, delay } from "../system/timers.ts";

/** How long requests may go on once the parent is gone, in milliseconds. */
const ORPHAN_MS = 1_000;

/**
 * The longest wait until nobody asks any more, in milliseconds; clients that
 * do not close their connections must not keep it from ending.
 */
const LONGEST_LINGER_MS = 2_500;

/** What the child is handed. */
export interface ChildIo {
  /** The pipe from the parent. */
  readonly input: ReadableStream<Uint8Array>;
  /** Sends one message to the parent. */
  send(bytes: Uint8Array): void;
  /** Takes log lines. */
  log(line: string): void;
  /** Told of the log, before the proxy starts. */
  guard(log: Log): void;
  /** Says in one line why it cannot go on. */
  explain(error: unknown): string;
  /** What this program is, by label. */
  readonly build: Readonly<Record<string, string>>;
  /** Which user this process runs as; `null` where there are none. */
  readonly uid: number | null;
  /** Gives up the rights that forwarding does not need. */
  renounce(): void;
}

/** Signals to the whole process group; what they mean is the parent's to say. */
const IGNORED = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGUSR1",
  "SIGUSR2",
] as const;

/**
 * Lives as the child.
 *
 * @returns whether it ended as it should
 */
export async function liveAsChild(io: ChildIo): Promise<boolean> {
  const ignore = () => {};
  for (const signal of IGNORED) Deno.addSignalListener(signal, ignore);
  try {
    return await obey(io);
  } finally {
    for (const signal of IGNORED) Deno.removeSignalListener(signal, ignore);
  }
}

async function obey(io: ChildIo): Promise<boolean> {
  const send = (message: FromChild) => io.send(encode(message));
  let proxy: Proxy | undefined;
  let rule: ToldRule | undefined;
  let settings: LogSettings | undefined;
  let ended: Promise<"ended"> = new Promise(() => {});
  const messages = decode<ToChild>(io.input);
  const ask = (message: FromChild) => {
    try {
      send(message);
    } catch {
      // The parent is gone, which the end of its pipe tells.
    }
  };
  const source = new ToldSource((address) =>
    ask({ say: "unreachable", address })
  );
  try {
    for (;;) {
      const next = await Promise.race([messages.next(), ended]);
      if (next === "ended") {
        send({ say: "failed", reason: "the proxy stopped listening" });
        return false;
      }
      if (next.done) break;
      const message = next.value;
      if (message.say === "ping") {
        if (rule !== undefined && message.rule) rule.tally = message.rule;
        send({ say: "pong" });
        continue;
      }
      if (message.say === "rule") {
        rule?.tell(message.fault);
        continue;
      }
      if (message.say === "upstream") {
        source.tell(message.news);
        continue;
      }
      if (message.say === "configure") {
        const config = fromPlain(message.config);
        Object.assign(settings ?? {}, settingsOf(config));
        proxy?.configure(config);
        continue;
      }
      if (message.say === "drain") {
        if (proxy === undefined) return true;
        proxy.closing();
        await linger(proxy, message.lingerMs);
        await proxy.shutdown();
        return true;
      }
      if (io.uid === 0) {
        send({ say: "failed", reason: "the child still runs as root" });
        return false;
      }
      const config = fromPlain(message.config);
      const options: LogOptions = { ...settingsOf(config), write: io.log };
      settings = options;
      const log: Log = createLog(options);
      io.guard(log);
      if (message.rule !== undefined) {
        rule = new ToldRule(message.rule, () => ask({ say: "look" }));
      }
      proxy = await startServing(config, {
        log,
        source: config.discover === undefined ? undefined : source,
        rule,
        build: io.build,
      });
      ended = proxy.finished.then(() => "ended" as const);
      io.renounce();
      const addresses = proxy.addresses.map(({ hostname, port }) => ({
        hostname,
        port,
      }));
      send({ say: "listening", addresses });
    }
    await shutdownWithin(proxy, ORPHAN_MS);
    return true;
  } catch (error) {
    send({ say: "failed", reason: io.explain(error) });
    return false;
  }
}

function settingsOf({ logLevel, logFormat }: ServeConfig): LogSettings {
  return { level: logLevel, format: logFormat };
}

/** Waits until nobody has asked for a while. */
async function linger(proxy: Proxy, ms: number): Promise<void> {
  const end = performance.now() + LONGEST_LINGER_MS;
  let before: number;
  do {
    before = proxy.requests;
    await delay(ms);
  } while (ms > 0 && proxy.requests > before && performance.now() < end);
}

async function shutdownWithin(
  proxy: Proxy | undefined,
  ms: number,
): Promise<void> {
  if (proxy === undefined) return;
  const inTime = after(ms, () => proxy.abort());
  await proxy.shutdown();
  inTime();
}
