/**
 * Whether a child has really given up what its parent may do.
 *
 * @module
 */

/** The user a child runs as, by number. */
export interface ChildUser {
  /** Its user id; never 0. */
  readonly uid: number;
  /** Its group id. */
  readonly gid: number;
}

/**
 * The sets of capabilities that must be empty; proc_pid_status(5). Not those
 * that may be inherited: older container runtimes leave some, and they are no
 * right until a file gives it.
 */
const SETS = ["CapPrm", "CapEff", "CapAmb"] as const;

/**
 * What a process may do beyond an ordinary user.
 *
 * @param status its `/proc/PID/status`
 * @param user whom it is to run as
 * @returns that, in one line; `undefined` where it is nothing
 */
export function excessRights(
  status: string,
  { uid, gid }: ChildUser,
): string | undefined {
  const expected: readonly (readonly [name: string, value: RegExp])[] = [
    // Real, effective, saved, and that of the file system.
    ["Uid", new RegExp(`^(?:${uid}\\s?){4}$`)],
    ["Gid", new RegExp(`^(?:${gid}\\s?){4}$`)],
    ["Groups", new RegExp(`^(?:${gid})?$`)],
    ...SETS.map((name) => [name, /^0+$/] as const),
  ];
  const excess = expected.flatMap(([name, value]) => {
    const line = new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m");
    const found = line.exec(status)?.[1] ?? "unknown";
    return value.test(found) ? [] : `${name} ${found.replaceAll("\t", " ")}`;
  });
  return excess.length === 0 ? undefined : excess.join(", ");
}

/**
 * Makes sure of a child's rights before it is told anything.
 *
 * @param pid the child
 * @param user whom it is to run as
 * @throws {Error} that says what it may do beyond that, or that this cannot be
 * told
 */
export async function requireDroppedRights(
  pid: number,
  user: ChildUser,
): Promise<void> {
  // As that user: with hidepid, root without CAP_SYS_PTRACE cannot see it.
  // Through `cat`, because Deno opens /proc only with every permission.
  const { success, stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/status`],
    uid: user.uid,
    gid: user.gid,
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot tell which rights the proxy has: /proc/${pid}/status cannot be read`,
    );
  }
  const excess = excessRights(new TextDecoder().decode(stdout), user);
  if (excess === undefined) return;
  throw new Error(
    `The proxy has rights beyond those of uid ${user.uid}: ${excess}`,
  );
}
