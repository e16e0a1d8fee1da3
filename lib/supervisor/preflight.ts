/**
 * What must hold before a parent changes anything: its own rights, and that
 * its child will be able to load the program.
 *
 * @module
 */
import {
  type Capability,
  missingCapabilities,
} from "../system/capabilities.ts";
import type { Runner } from "../system/runner.ts";
import type { OwnCommand } from "./own_command.ts";
import type { ChildUser } from "./spawn.ts";

/** The parent lacks a right, or the child could not load the program. */
export class PreflightError extends Error {
  /** Whether the way it was started is at fault, rather than its rights. */
  readonly usage: boolean;

  /**
   * Makes the error.
   *
   * @param message one line that says what is missing
   * @param usage whether the way it was started is at fault
   */
  constructor(message: string, usage: boolean) {
    super(message);
    this.name = "PreflightError";
    this.usage = usage;
  }
}

/** Why each capability is needed. */
const REASONS: Readonly<Partial<Record<Capability, string>>> = {
  NET_ADMIN: "to change the rule",
  SETUID: "to start the proxy as another user",
  SETGID: "to start the proxy as another group",
  KILL: "to stop the proxy",
};

/**
 * Checks the parent's rights.
 *
 * @param wanted the capabilities it will use
 * @param uid the user it runs as
 * @param run runs the commands it needs
 * @throws {PreflightError} that names what is missing, and what for
 */
export async function requireRights(
  wanted: readonly Capability[],
  uid: number | null,
  run: Runner,
): Promise<void> {
  if (uid !== 0) {
    throw new PreflightError(
      `Cannot keep the rule: started as uid ${uid}, expected root`,
      false,
    );
  }
  const missing = await missingCapabilities(wanted, run);
  if (missing.length === 0) return;
  const needs = missing.map((name) => {
    const reason = REASONS[name];
    return reason === undefined ? `CAP_${name}` : `CAP_${name} ${reason}`;
  });
  throw new PreflightError(
    `Cannot keep the rule: missing ${needs.join(", ")}`,
    false,
  );
}

/**
 * The group that belongs to a user: its own where the name or number has one
 * here, else the group of the same number.
 *
 * @param user what `--user` named
 * @param uid the number it stands for
 * @param run runs the commands it needs
 */
export async function childUser(
  user: string,
  uid: number,
  run: Runner,
): Promise<ChildUser> {
  const result = await run(["id", "-g", user]);
  const gid = typeof result === "string" || result.code !== 0
    ? uid
    : Number(result.stdout.trim());
  return { uid, gid: Number.isInteger(gid) && gid > 0 ? gid : uid };
}

/**
 * Checks that the child's user can read what it is started from. An executable
 * always can; from source, Deno, the program and the cache must be open to it.
 *
 * @param command how the child is started
 * @param user whom it runs as
 * @throws {PreflightError} that names the file in the way
 */
export async function requireReadable(
  command: OwnCommand,
  user: ChildUser,
): Promise<void> {
  for (const path of command.reads) {
    const { success } = await new Deno.Command("test", {
      args: ["-r", path],
      uid: user.uid,
      gid: user.gid,
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) continue;
    throw new PreflightError(
      `Cannot start the proxy as uid ${user.uid}: it cannot read "${path}", use the executable or give that user access`,
      true,
    );
  }
}
