/**
 * What happens to the processes: the proxy's own, and the metadata service.
 *
 * @module
 */
import { childOf } from "../helpers/node.ts";
import type { Fault } from "./fault.ts";
import { flush } from "./rule_faults.ts";
import {
  answering,
  logged,
  logLength,
  type Scene,
  served,
  sleep,
} from "./scene.ts";

/** How the metadata service is started. */
const SERVICE = "simulate --listen 169.254.169.254:80 --listen-anywhere";

async function theChild(scene: Scene): Promise<number> {
  const pid = await childOf(scene.program);
  if (pid === undefined) throw new Error("There is no child");
  return pid;
}

/** Waits until a new child does the work of the old one. */
async function revived(scene: Scene, from: number): Promise<void> {
  await logged(scene, from, / info the proxy listens again /);
  await served(scene);
}

const kill: Fault = {
  name: "child killed",
  allowed: ["refused", "lost", "failed"],
  shows: "refused",
  deaths: 1,
  inject: async (scene) => {
    const from = logLength(scene);
    const killed = Date.now();
    Deno.kill(await theChild(scene), "SIGKILL");
    await revived(scene, from);
    return { repairMs: Date.now() - killed };
  },
};

const killAndFlush: Fault = {
  name: "child killed and nat table flushed",
  allowed: ["real", "refused", "lost", "failed"],
  shows: "refused",
  deaths: 1,
  leavesDirect: true,
  inject: async (scene) => {
    const from = logLength(scene);
    const killed = Date.now();
    const child = await theChild(scene);
    await flush(scene);
    Deno.kill(child, "SIGKILL");
    await revived(scene, from);
    return { repairMs: Date.now() - killed };
  },
};

const hang: Fault = {
  name: "child stopped for good",
  allowed: ["refused", "lost", "late", "failed"],
  deaths: 1,
  slow: true,
  inject: async (scene) => {
    const from = logLength(scene);
    const stopped = Date.now();
    Deno.kill(await theChild(scene), "SIGSTOP");
    await logged(scene, from, / error the proxy does not react, ending it /);
    await revived(scene, from);
    return { repairMs: Date.now() - stopped };
  },
};

async function pause(pid: number, ms: number): Promise<void> {
  Deno.kill(pid, "SIGSTOP");
  try {
    await sleep(ms);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

const pauseChild: Fault = {
  name: "child stopped for 0.2 to 1.5 s",
  allowed: ["failed"],
  inject: async (scene) =>
    await pause(await theChild(scene), 200 + scene.random.int(1_300)),
};

const pauseService: Fault = {
  name: "metadata service stopped for 0.2 to 1.5 s",
  allowed: ["failed"],
  inject: async ({ service, random }) =>
    await pause(service.pid, 200 + random.int(1_300)),
};

const hangService: Fault = {
  name: "metadata service stopped for 7 s",
  allowed: ["status 504", "failed"],
  shows: "status 504",
  slow: true,
  inject: async ({ service }) => await pause(service.pid, 7_000),
};

const restartService: Fault = {
  name: "metadata service restarted",
  // It forgets its tokens, too.
  allowed: ["status 502", "status 401", "failed"],
  shows: "status 502",
  inject: async (scene) => {
    await scene.service.stop(scene.random.pick(["SIGTERM", "SIGKILL"]));
    scene.service = await scene.node.start(SERVICE);
    await answering(scene);
  },
};

const reload: Fault = {
  name: "reload",
  allowed: [],
  inject: async (scene) => {
    const text = `cache: ${scene.random.int(3)}\n`;
    await Deno.writeTextFile(scene.file, text);
    const from = logLength(scene);
    scene.program.signal("SIGHUP");
    await logged(scene, from, / info configuration read again /);
  },
};

const reloadBroken: Fault = {
  name: "reload of a broken file",
  allowed: [],
  inject: async (scene) => {
    const good = await Deno.readTextFile(scene.file);
    await Deno.writeTextFile(scene.file, "region: nonsense\n");
    const from = logLength(scene);
    scene.program.signal("SIGHUP");
    await logged(scene, from, / error configuration unchanged /);
    await Deno.writeTextFile(scene.file, good);
  },
};

/** Every fault of the processes. */
export const PROCESS_FAULTS: readonly Fault[] = [
  kill,
  killAndFlush,
  hang,
  pauseChild,
  pauseService,
  hangService,
  restartService,
  reload,
  reloadBroken,
];
