/**
 * What is done to a node under load, and what it may do to clients.
 *
 * @module
 */
import type { Spawned } from "../helpers/namespace.ts";
import {
  asUser,
  childOf,
  EMULATED,
  type NodeBackend,
  procfs,
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
  /** What it surely does to some: else nobody looked. */
  readonly shows?: What;
  /**
   * How long clients may be refused afterwards, in milliseconds: conntrack
   * leads them past the redirect from ports of connections that were reset.
   */
  readonly refusedMs?: number;
  /** Whether a child dies of it: at five within a minute the parent gives up. */
  readonly kills?: true;
  /** Injects it, and waits until what it did is repaired. */
  readonly inject: (scene: Scene) => Promise<unknown>;
}

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

function nat({ node, backend }: Scene, ...args: readonly string[]) {
  return node.namespace.must([
    ...[`iptables-${backend}`, "--wait", "5", "-t", "nat", ...args],
  ]);
}

function python({ node }: Scene, script: string, argument: number): Spawned {
  const path = new URL(script, import.meta.url).pathname;
  return node.namespace.spawn([
    ...asUser(1000),
    ...["/usr/bin/python3", path, String(argument)],
  ]);
}

async function holdIdle(scene: Scene): Promise<void> {
  const holder = python(scene, "hold.py", 500);
  await holder.shows(/^held 500$/m);
  await sleep(500 + scene.random.int(2_000));
  await holder.kill();
}

/** How many descriptors the child may have for a while. */
const DESCRIPTORS = 64;

async function useUpDescriptors(scene: Scene): Promise<void> {
  const { node: { namespace }, program, random } = scene;
  const pid = await childOf(program);
  if (pid === undefined) throw new Error("There is no child");
  const soft = /^Max open files\s+(\d+)/m.exec(await procfs(pid, "limits"))
    ?.[1];
  // As the child's user: over others, a root in a container has no say.
  const limit = (most: string) =>
    namespace.must([
      ...asUser(PROXY_UID),
      ...["prlimit", `--pid=${pid}`, `--nofile=${most}:`],
    ]);
  await limit(String(DESCRIPTORS));
  const holder = python(scene, "hold.py", 200);
  try {
    await until("descriptors are used up", async () => {
      const open = await namespace.must(["ls", `/proc/${pid}/fd`]);
      // Those of the listener may be free at the moment: it failed.
      return open.trim().split("\n").length >= DESCRIPTORS - 2;
    });
    await sleep(random.int(500));
  } finally {
    await holder.kill();
    await limit(soft ?? "1024");
  }
  await served(scene);
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

async function deleteJump(scene: Scene): Promise<void> {
  const listed = await nat(scene, "-S", "OUTPUT");
  const [jump = ""] = listed.match(/^-A OUTPUT .*C2S-IMDS.*$/m) ?? [];
  await nat(scene, "-D", ...jump.split(" ").slice(1));
  await served(scene);
}

async function insertForeign(scene: Scene): Promise<void> {
  const rule = [
    ...["OUTPUT", "-d", "10.96.0.1/32", "-p", "tcp", "-m", "tcp"],
    ...["--dport", "443", "-j", "ACCEPT"],
  ];
  await nat(scene, "-I", ...rule);
  // The file may be the broken one of another fault.
  await reload(scene, "cache: 1\n", / info configuration read again /g);
  await served(scene);
  await nat(scene, "-D", ...rule);
}

/** What a client may meet while the redirect or the proxy is not there. */
const CLOSED: readonly What[] = ["refused", "lost"];

/** Every fault. */
export const FAULTS: readonly Fault[] = [
  {
    name: "child killed",
    allowed: CLOSED,
    shows: "refused",
    kills: true,
    inject: (scene) => replaceChild(scene, "SIGKILL"),
  },
  {
    name: "nat table flushed and child killed",
    allowed: CLOSED,
    shows: "refused",
    kills: true,
    async inject(scene) {
      await nat(scene, "--flush");
      await replaceChild(scene, "SIGKILL");
    },
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
    // It forgets its tokens, too.
    allowed: ["status 502", "status 401"],
    shows: "status 502",
    refusedMs: 10_000,
    inject: restartService,
  },
  {
    name: "reload",
    allowed: [],
    inject: (scene) =>
      reload(
        scene,
        `cache: ${scene.random.int(3)}\n`,
        / info configuration read again /g,
      ),
  },
  {
    name: "reload of a broken file",
    allowed: [],
    inject: (scene) =>
      reload(
        scene,
        "region: nonsense\n",
        / error configuration unchanged /g,
      ),
  },
  {
    name: "nat table flushed",
    allowed: CLOSED,
    async inject(scene) {
      await nat(scene, "--flush");
      await served(scene);
    },
  },
  { name: "jump deleted", allowed: CLOSED, inject: deleteJump },
  {
    name: "a rule of others stands before ours",
    allowed: [],
    inject: insertForeign,
  },
  { name: "500 idle connections", allowed: [], inject: holdIdle },
  {
    name: "descriptors used up",
    allowed: [...CLOSED, "late", "status 502"],
    inject: useUpDescriptors,
  },
  {
    name: "all tokens forgotten",
    allowed: ["status 401"],
    shows: "status 401",
    inject: ({ node }) =>
      node.namespace.must([
        ...asUser(PROXY_UID),
        "/usr/bin/python3",
        new URL("rotate.py", import.meta.url).pathname,
        // As many as the simulator keeps.
        "4096",
      ]),
  },
];
