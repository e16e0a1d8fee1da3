/**
 * What others do to the tables.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Fault, Outcome } from "./fault.ts";
import { logged, logLength, type Scene, sleep } from "./scene.ts";

/** The longest time until the parent looks at the rule of itself, in milliseconds. */
const WATCH_MS = 30_000;

/** What one look and one repair may take on a busy machine, in milliseconds. */
const REPAIR_MS = 5_000;

/** Does something to the nat table. */
type Harm = (scene: Scene) => Promise<void>;

function nat({ node, backend }: Scene, ...args: readonly string[]) {
  return node.namespace.must([
    ...[`iptables-${backend}`, "--wait", "5", "-t", "nat"],
    ...args,
  ]);
}

/** What a restarted firewall does. */
export const flush: Harm = async (scene) => {
  await nat(scene, "--flush");
};

/** Takes the jump away, whose text is the kernel's own. */
const deleteJump: Harm = async (scene) => {
  const listed = await nat(scene, "-S", "OUTPUT");
  const jump = listed.split("\n").find((line) => line.includes("C2S-IMDS"));
  assertEquals(jump?.startsWith("-A OUTPUT "), true, listed);
  await nat(scene, "-D", ...(jump ?? "").split(" ").slice(1));
};

const REPAIRED = / warn the rule was put back /;

function asked(name: string, harm: Harm): Fault {
  return {
    name: `${name}, then SIGHUP`,
    allowed: ["real", "failed"],
    shows: "real",
    leavesDirect: true,
    inject: async (scene) => {
      const from = logLength(scene);
      await harm(scene);
      await sleep(300 + scene.random.int(500));
      const asked = Date.now();
      scene.program.signal("SIGHUP");
      const over = await logged(scene, from, REPAIRED, REPAIR_MS);
      return { over, repairMs: Math.max(0, over - asked) };
    },
  };
}

function watched(name: string, harm: Harm): Fault {
  return {
    name: `${name}, found by the watch`,
    allowed: ["real", "failed"],
    shows: "real",
    leavesDirect: true,
    slow: true,
    inject: async (scene): Promise<Outcome> => {
      const from = logLength(scene);
      await harm(scene);
      const harmed = Date.now();
      const limit = WATCH_MS + REPAIR_MS;
      const over = await logged(scene, from, REPAIRED, limit);
      return { over, repairMs: over - harmed };
    },
  };
}

const foreign: Fault = {
  name: "a rule of others stands before ours",
  allowed: [],
  inject: async (scene) => {
    const rule = [
      ...["-d", "10.96.0.1/32", "-p", "tcp", "-m", "tcp", "--dport", "443"],
      ...["-m", "comment", "--comment", "another", "-j", "ACCEPT"],
    ];
    await nat(scene, "-I", "OUTPUT", "1", ...rule);
    const rules = await scene.node.rules();
    const from = logLength(scene);
    scene.program.signal("SIGHUP");
    await logged(scene, from, / info configuration read again /);
    await sleep(300 + scene.random.int(1_000));
    assertEquals(await scene.node.rules(), rules);
    await nat(scene, "-D", "OUTPUT", ...rule);
  },
};

/** Every fault of the tables. */
export const RULE_FAULTS: readonly Fault[] = [
  asked("nat table flushed", flush),
  asked("jump deleted", deleteJump),
  watched("nat table flushed", flush),
  watched("jump deleted", deleteJump),
  foreign,
];
