/**
 * Runs the commands that read and change interfaces, and explains in one line
 * why one failed and what to do.
 *
 * @module
 */
import { EXIT } from "../cli/command.ts";
import { ExitError } from "../cli/message.ts";
import { missingCapabilities } from "../system/capabilities.ts";
import { ending, type Runner } from "../system/runner.ts";

/** An interface could not be read or changed; the message is one line. */
export class LinkError extends ExitError {
  /**
   * Makes one.
   *
   * @param message the one line for people
   * @param isOutOfReach whether rights or programs are missing
   */
  constructor(message: string, isOutOfReach = false) {
    super(isOutOfReach ? EXIT.CANNOT_TELL : EXIT.FAILED, message);
  }
}

/** Whether rights or programs are missing, so that nothing can be done. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof LinkError && error.exitCode === EXIT.CANNOT_TELL;
}

/** The packages that have `ip`. */
const IP_PACKAGES = "iproute2 (Debian, Alpine) or iproute (RHEL, UBI)";

/**
 * Runs a command and hands out its standard output.
 *
 * @param run runs it
 * @param action what it is for, for the message
 * @param argv the command
 * @param stdin fed to its standard input
 * @throws {LinkError} when it does not end with code 0
 */
export async function runCommand(
  run: Runner,
  action: string,
  argv: readonly [string, ...string[]],
  stdin?: string,
): Promise<string> {
  const [command] = argv;
  const result = await run(argv, stdin === undefined ? {} : { stdin });
  const failed = (detail: string, outOfReach = true) =>
    new LinkError(`Cannot ${action}: ${detail}`, outOfReach);
  const how = ending(command, result);
  if (result === "not found") {
    throw failed(command === "ip" ? `${how}, install ${IP_PACKAGES}` : how);
  }
  if (result === "timeout") throw failed(how, false);
  if (result.code === 0) return result.stdout;
  const text = `${result.stderr}\n${result.stdout}`.trim();
  if (/Read-only file system/.test(text)) {
    throw failed("/proc/sys is read-only here, as in most containers");
  }
  if (/Permission denied|Operation not permitted/.test(text)) {
    const missing = await missingCapabilities(["NET_ADMIN"], run);
    throw failed(
      missing.length > 0
        ? "this process lacks CAP_NET_ADMIN, run it as root or give its container NET_ADMIN"
        : `"${command}" was refused, run it as root outside any user namespace`,
    );
  }
  throw failed(how, false);
}
