/**
 * Runs the commands that read and change interfaces, and explains in one line
 * why one failed and what to do.
 *
 * @module
 */
import { missingCapabilities } from "../system/capabilities.ts";
import type { NotRun, Runner, RunResult } from "../system/runner.ts";

/** The kinds of failure. */
export type LinkFailure =
  | "no permission"
  | "no tool"
  | "exposed"
  | "timeout"
  | "other";

/** An interface could not be read or changed; the message is one line. */
export class LinkError extends Error {
  /** What kind of failure it is. */
  readonly kind: LinkFailure;

  /**
   * Makes one.
   *
   * @param kind what kind of failure it is
   * @param message the one line for people
   */
  constructor(kind: LinkFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LinkError";
    this.kind = kind;
  }
}

/** Whether rights or programs are missing, so that nothing can be done. */
export function isOutOfReach(error: unknown): error is LinkError {
  return error instanceof LinkError &&
    (error.kind === "no tool" || error.kind === "no permission");
}

/** The packages that have `ip`. */
const IP_PACKAGES = "iproute2 (Debian, Alpine) or iproute (RHEL, UBI)";

const PERMISSION = /Permission denied|Operation not permitted/;
const READ_ONLY = /Read-only file system/;

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
  const result = await run(argv, stdin === undefined ? {} : { stdin });
  if (typeof result !== "string" && result.code === 0) return result.stdout;
  const missing = await missingCapabilities(["NET_ADMIN"], run);
  throw explain(action, argv[0], result, missing.length > 0);
}

function explain(
  action: string,
  command: string,
  result: RunResult | NotRun,
  lacksNetAdmin: boolean,
): LinkError {
  const failed = (kind: LinkFailure, detail: string) =>
    new LinkError(kind, `Cannot ${action}: ${detail}`);
  if (result === "not found") {
    return failed(
      "no tool",
      `"${command}" is not on PATH${
        command === "ip" ? `, install ${IP_PACKAGES}` : ""
      }`,
    );
  }
  if (result === "timeout") {
    return failed(
      "timeout",
      `"${command}" did not end in time and was stopped`,
    );
  }
  const text = `${result.stderr}\n${result.stdout}`;
  if (READ_ONLY.test(text)) {
    return failed(
      "no permission",
      "/proc/sys is read-only here, as in most containers",
    );
  }
  if (PERMISSION.test(text)) {
    return failed(
      "no permission",
      lacksNetAdmin
        ? "this process lacks CAP_NET_ADMIN, run it as root or give its container NET_ADMIN"
        : `"${command}" was refused, run it as root outside any user namespace`,
    );
  }
  const said = text.split("\n").map((line) => line.trim())
    .find((line) => line !== "");
  return failed(
    "other",
    `"${command}" ended with code ${result.code}${
      said === undefined ? "" : `: ${said}`
    }`,
  );
}
