/**
 * Tests that need more than Deno: root, network namespaces, Debian packages.
 * Where that is missing they are skipped with the reason in their name; under
 * `CI=true` they fail instead, so nothing is skipped there.
 *
 * @module
 */

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

const NO_EXECUTABLE = "runs in deno task test-executable";

/** Needs network namespaces, made by `ip netns`. */
export const NAMESPACES: readonly Need[] = [
  ROOT,
  { command: "ip", from: "iproute2" },
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
    const { success } = new Deno.Command("sh", {
      args: ["-c", `command -v "$0"`, need.command],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? undefined : `needs ${need.command} from ${need.from}`;
  }
  try {
    const { success } = new Deno.Command("/usr/bin/python3", {
      args: ["-c", `import ${need.python}`],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    if (success) return undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return `needs Python's ${need.python} from ${need.from}`;
}

/**
 * Registers a test that runs only where its needs are met.
 *
 * @param needs what it needs
 * @param name what it shows
 * @param fn the test
 */
export function testWith(
  needs: readonly Need[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const reason = needs.map(missing).find((text) => text !== undefined);
  if (reason === undefined) {
    Deno.test(name, fn);
  } else if (Deno.env.get("CI") === "true" && reason !== NO_EXECUTABLE) {
    Deno.test(name, () => {
      throw new Error(`Cannot skip in CI: ${reason}`);
    });
  } else {
    Deno.test.ignore(`${name} (skipped: ${reason})`, fn);
  }
}
