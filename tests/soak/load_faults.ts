/**
 * What clients can do: connections without a request, descriptors, tokens.
 *
 * @module
 */
import type { Spawned } from "../helpers/namespace.ts";
import { asUser, childOf, procfs, PROXY_UID, until } from "../helpers/node.ts";
import type { Fault } from "./fault.ts";
import { scriptPath } from "./load.ts";
import { type Scene, served, sleep } from "./scene.ts";

function hold({ node }: Scene, connections: number): Spawned {
  return node.namespace.spawn([
    ...asUser(1000),
    ...["/usr/bin/python3", scriptPath("hold.py"), String(connections)],
  ]);
}

const fill: Fault = {
  name: "500 idle connections",
  allowed: [],
  inject: async (scene) => {
    const holder = hold(scene, 500);
    await holder.shows(/^held 500$/m);
    await sleep(500 + scene.random.int(2_000));
    await holder.kill();
  },
};

/** As the child's user: over others, a root in a container has no say. */
async function limit(
  { node }: Scene,
  pid: number,
  soft: string,
): Promise<void> {
  await node.namespace.must([
    ...asUser(PROXY_UID),
    ...["prlimit", `--pid=${pid}`, `--nofile=${soft}:`],
  ]);
}

/** How many descriptors the child may have for a while. */
const DESCRIPTORS = 64;

async function descriptorsOf({ node }: Scene, pid: number): Promise<number> {
  const names = await node.namespace.must(["ls", `/proc/${pid}/fd`]);
  return names.trim().split("\n").length;
}

const exhaust: Fault = {
  name: "descriptors used up",
  allowed: ["refused", "lost", "late", "status 502", "failed"],
  inject: async (scene) => {
    const pid = await childOf(scene.program);
    if (pid === undefined) throw new Error("There is no child");
    const limits = await procfs(pid, "limits");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? "1024";
    await limit(scene, pid, String(DESCRIPTORS));
    const holder = hold(scene, 200);
    try {
      // The log tells of it once a minute only.
      await until(
        "descriptors are used up",
        // Those of the listener may be free at the moment: it failed.
        async () => await descriptorsOf(scene, pid) >= DESCRIPTORS - 2,
      );
      await sleep(scene.random.int(500));
    } finally {
      await holder.kill();
      await limit(scene, pid, soft);
    }
    await served(scene);
  },
};

/** How many tokens the simulator keeps. */
const TOKENS = 4_096;

const rotate: Fault = {
  name: "all tokens forgotten",
  allowed: ["status 401", "failed"],
  shows: "status 401",
  inject: async ({ node }) => {
    await node.namespace.must([
      ...asUser(PROXY_UID),
      ...["/usr/bin/python3", scriptPath("rotate.py"), String(TOKENS)],
    ]);
  },
};

/** Every fault that comes from clients. */
export const LOAD_FAULTS: readonly Fault[] = [fill, exhaust, rotate];
