/**
 * Tests that need more than Deno: root, network namespaces, Debian packages.
 * Where that is missing they are skipped with the reason in their name; under
 * `CI=true` they fail instead, so nothing is skipped there.
 *
 * @module
 */
import { existsSync } from "node:fs";

/** What a test may need. */
export type Need =
  | { readonly root: true }
  | { readonly executable: true }
  | { readonly command: string; readonly from: string }
  | { readonly python: string; readonly from: string };

/** Needs the rights of root. */
export const ROOT: Need = { root: true };

/**
 * Needs the executable that `C2S_IMDS_EXECUTABLE` names; the first need of a
 * test. CI skips it with the others, too: it runs the task that does not.
 */
export const EXECUTABLE: Need = { executable: true };

const NO_EXECUTABLE = "runs in deno task test-executable or test-node";

/** Needs network namespaces, made by `ip netns`, entered by `nsenter`. */
export const NAMESPACES: readonly Need[] = [
  ROOT,
  { command: "ip", from: "iproute2" },
  { command: "nsenter", from: "util-linux" },
];

/** Why a need is not met here; `undefined` where it is. */
function missing(need: Need): string | undefined {
  if ("root" in need) {
    return Deno.uid() === 0 ? undefined : "needs root";
  }
  if ("executable" in need) {
    return Deno.env.has("C2S_IMDS_EXECUTABLE") ? undefined : NO_EXECUTABLE;
  }
  if ("command" in need) {
    return isCommand(need.command)
      ? undefined
      : `needs ${need.command} from ${need.from}`;
  }
  return isModule(need.python)
    ? undefined
    : `needs Python's ${need.python} from ${need.from}`;
}

/** Whether a command is in a folder of PATH, or the file it names is there. */
function isCommand(name: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const paths = name.includes("/")
    ? [name]
    : folders.map((folder) => `${folder}/${name}`);
  return paths.some((path) => existsSync(path));
}

/** Whether Debian's own Python finds a module. */
function isModule(name: string): boolean {
  if (!isCommand("/usr/bin/python3")) return false;
  const script =
    `import importlib.util, sys; sys.exit(not importlib.util.find_spec("${name}"))`;
  return new Deno.Command("/usr/bin/python3", {
    args: ["-c", script],
    stdout: "null",
    stderr: "null",
  }).outputSync().success;
}

/** Registers a test: a name, and what it does. */
type Register = (
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
) => void;

/**
 * Why a test cannot run here; `undefined` where it can.
 *
 * @param needs what the test needs
 * @throws {Error} under `CI=true`, where nothing may be skipped
 */
export function whyNot(needs: readonly Need[]): string | undefined {
  const reason = needs.map(missing).find((text) => text !== undefined);
  if (
    reason !== undefined && reason !== NO_EXECUTABLE &&
    Deno.env.get("CI") === "true"
  ) {
    throw new Error(`Cannot skip in CI: ${reason}`);
  }
  return reason;
}

/**
 * What registers a test that runs only where its needs are met. Where they are,
 * it is `Deno.test` itself, so that a failure is located in the test's file.
 *
 * @param needs what the test needs
 * @throws {Error} under `CI=true`, where nothing may be skipped
 */
export function testWith(needs: readonly Need[]): Register {
  const reason = whyNot(needs);
  if (reason === undefined) return Deno.test;
  return (name, fn) => Deno.test.ignore(`${name} (skipped: ${reason})`, fn);
}
