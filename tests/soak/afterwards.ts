/**
 * What must be as it was, when nobody asks any more and after the stop.
 *
 * @module
 */
import { systemRunner } from "../../lib/system/runner.ts";
import { childOf, isAlive, type TestNode, until } from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { look } from "./vitals.ts";

/** How many descriptors each process has open; `undefined` without it. */
export interface Descriptors {
  /** Those of the parent. */
  readonly parent: number | undefined;
  /** Those of the child. */
  readonly child: number | undefined;
}

/** Counts them. */
export async function descriptorsOf(
  program: RunningProgram,
): Promise<Descriptors> {
  const child = await childOf(program);
  const [ours, childs] = await Promise.all([
    look(program.pid),
    child === undefined ? undefined : look(child),
  ]);
  return { parent: ours?.descriptors, child: childs?.descriptors };
}

/**
 * Waits until descriptors are as many as at the start, once nobody asks.
 *
 * @returns what is wrong, if they are not in time
 */
export async function notBack(
  program: RunningProgram,
  start: Descriptors,
): Promise<string[]> {
  let now = start;
  const text = (it: Descriptors) => `${it.parent} and ${it.child}`;
  try {
    await until("descriptors are as at the start", async () => {
      now = await descriptorsOf(program);
      return text(now) === text(start);
    });
    return [];
  } catch {
    return [
      `Descriptors of parent and child: ${text(start)} at the start, ${
        text(now)
      } at the end`,
    ];
  }
}

/**
 * Stops the program.
 *
 * @param before the tables before it was started
 * @returns what it leaves behind, and what is wrong with its end
 */
export async function notLeft(
  node: TestNode,
  program: RunningProgram,
  before: string,
): Promise<string[]> {
  const child = await childOf(program);
  const { code } = await program.stop();
  const problems: string[] = [];
  if (code !== 0) problems.push(`The program ended with code ${code}`);
  if (child === undefined) problems.push("There was no child at the end");
  else if (await isAlive(child)) problems.push("The child lives on");
  const rules = await node.rules();
  if (rules !== before) {
    problems.push(`The tables are not as before:\n${before}\nnow:\n${rules}`);
  }
  const pids = await pidsOf(node.namespace.name);
  if (pids !== "") problems.push(`Processes are left: ${pids.trim()}`);
  return problems;
}

async function pidsOf(namespace: string): Promise<string> {
  const listed = await systemRunner(["ip", "netns", "pids", namespace]);
  return typeof listed === "string" ? listed : listed.stdout;
}
