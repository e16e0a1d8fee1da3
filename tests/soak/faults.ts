/**
 * What is done to a node under load, and what it may do to clients.
 *
 * @module
 */
import {
  asUser,
  childOf,
  EMULATED,
  type NodeBackend,
  PROXY_UID,
  REAL,
  type TestNode,
  until,
} from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import type { Random } from "../helpers/random.ts";
import type { What } from "./judgement.ts";

/** What a fault works on. */
export interface Scene {
  /** The node. */
  readonly node: TestNode;
  /** The backend of its rule. */
  readonly backend: NodeBackend;
  /** `serve --iptables`. */
  readonly program: RunningProgram;
  /** The file `serve` reads. */
  readonly file: string;
  /** The metadata service; one fault puts another in its place. */
  service: RunningProgram;
  /** What is left to chance. */
  readonly random: Random;
}

/** A fault that can be injected. */
export interface Fault {
  /** What it is called. */
  readonly name: string;
  /** What it may do to clients until it is over. */
  readonly allowed: readonly What[];
  /**
   * How long clients may be refused afterwards, in milliseconds: conntrack
   * leads them past the redirect from ports of connections that were reset.
   */
  readonly refusedMs?: number;
  /** Whether a child dies of it: only once each, that the last can be judged. */
  readonly kills?: true;
  /** Injects it, and waits until what it did is repaired. */
  readonly inject: (scene: Scene) => Promise<unknown>;
}

const HOLD = `
import signal, socket
held = []
while len(held) < 500:
    try:
        held.append(socket.create_connection(("169.254.169.254", 80)))
    except ConnectionRefusedError:
        # By conntrack, where the service was restarted a moment ago.
        continue
    if len(held) % 2 == 0:
        held[-1].sendall(b"GET /latest/meta-data/ HTTP/1.1\\r\\nHost: ")
print("held", flush=True)
signal.pause()
`;

/** Settles after so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until a new client is led to the proxy, and gets its answer. */
export async function served({ node }: Scene): Promise<void> {
  await until(
    "a client is served",
    async () =>
      await node.leadsTo() === "4000" && await node.see(1000) === EMULATED,
  );
}

/** Kills the child, or has the parent do it, and waits for the next one. */
async function replaceChild(scene: Scene, signal: Deno.Signal): Promise<void> {
  const old = await childOf(scene.program);
  if (old === undefined) throw new Error("There is no child");
  Deno.kill(old, signal);
  await until("there is another child", async () => {
    const child = await childOf(scene.program);
    return child !== undefined && child !== old;
  });
  await served(scene);
}

/** Has the file read again, and waits until the log says what came of it. */
async function reload({ file, program }: Scene, text: string, said: RegExp) {
  await Deno.writeTextFile(file, text);
  const count = () => [...program.stderr().matchAll(said)].length;
  const before = count();
  program.signal("SIGHUP");
  await until(`another ${said}`, () => count() > before);
}

async function pause(pid: number, ms: number): Promise<void> {
  Deno.kill(pid, "SIGSTOP");
  try {
    await sleep(ms);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

/** Has a user hold connections, every other one with half a head on it. */
async function holdIdle({ node, random }: Scene): Promise<void> {
  const holder = node.namespace.spawn([
    ...[...asUser(1000), "/usr/bin/python3", "-c", HOLD],
  ]);
  try {
    await holder.shows(/^held$/m);
    await sleep(500 + random.int(2_000));
  } finally {
    await holder.kill();
  }
}

async function restartService(scene: Scene): Promise<void> {
  await scene.service.stop(scene.random.pick(["SIGTERM", "SIGKILL"]));
  scene.service = await scene.node.start(
    "simulate --listen 169.254.169.254:80 --listen-anywhere",
  );
  await until(
    "the service answers",
    async () => await scene.node.see(PROXY_UID) === REAL,
  );
}

/** What a client may meet while the redirect or the proxy is not there. */
const CLOSED: readonly What[] = ["refused", "lost"];

/** Every fault. */
export const FAULTS: readonly Fault[] = [
  {
    name: "child killed",
    allowed: CLOSED,
    kills: true,
    inject: (scene) => replaceChild(scene, "SIGKILL"),
  },
  {
    name: "child stopped for good",
    allowed: [...CLOSED, "late"],
    kills: true,
    inject: (scene) => replaceChild(scene, "SIGSTOP"),
  },
  {
    name: "child stopped for 0.2 to 1.5 s",
    allowed: [],
    inject: async ({ program, random }) =>
      await pause(await childOf(program) ?? 0, 200 + random.int(1_300)),
  },
  {
    name: "metadata service stopped for 0.2 to 1.5 s",
    allowed: [],
    inject: ({ service, random }) =>
      pause(service.pid, 200 + random.int(1_300)),
  },
  {
    name: "metadata service restarted",
    allowed: ["status 502"],
    refusedMs: 10_000,
    inject: restartService,
  },
  {
    name: "reload",
    allowed: [],
    inject: (scene) => {
      const text = `cache: ${scene.random.int(3)}\n`;
      return reload(scene, text, / info configuration read again /g);
    },
  },
  {
    name: "reload of a broken file",
    allowed: [],
    inject: (scene) =>
      reload(scene, "region: nonsense\n", / error configuration unchanged /g),
  },
  {
    name: "nat table flushed",
    allowed: CLOSED,
    async inject(scene) {
      const { node: { namespace }, backend } = scene;
      await namespace.must([
        ...[`iptables-${backend}`, "--wait", "5", "-t", "nat", "--flush"],
      ]);
      await served(scene);
    },
  },
  {
    name: "500 idle connections",
    allowed: [],
    inject: holdIdle,
  },
];
