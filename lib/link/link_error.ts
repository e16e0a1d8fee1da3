/**
 * What kept an interface from being read or changed, as one line that says
 * what to do.
 *
 * @module
 */
import type { Capability } from "../system/capabilities.ts";
import type { NotRun, RunResult } from "../system/runner.ts";

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

/** Debian, RHEL and Alpine have these packages under these names. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2 (Debian, Alpine) or iproute (RHEL, UBI)",
};

const PERMISSION = /Permission denied|Operation not permitted/;
const READ_ONLY = /Read-only file system/;

/**
 * Explains why a command did not do its work.
 *
 * @param action what was being done: `add 169.254.169.254/32 to lo`
 * @param argv the command
 * @param result how it ended
 * @param missing the capabilities that this process lacks
 */
export function explain(
  action: string,
  argv: readonly [string, ...string[]],
  result: RunResult | NotRun,
  missing: readonly Capability[],
): LinkError {
  const [command] = argv;
  const failed = (kind: LinkFailure, detail: string) =>
    new LinkError(kind, `Cannot ${action}: ${detail}`);
  if (result === "not found") {
    const from = PACKAGES[command];
    return failed(
      "no tool",
      `"${command}" is not on PATH${
        from === undefined ? "" : `, install ${from}`
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
    const names = missing.map((name) => `CAP_${name}`).join(" and ");
    return failed(
      "no permission",
      names === ""
        ? `"${command}" was refused, run it as root outside any user namespace`
        : `this process lacks ${names}, run it as root or give its container ${
          missing.join(" and ")
        }`,
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
