/**
 * Keeps tests away from a real metadata service: on a cloud machine it is one
 * connection away, with real credentials.
 *
 * @module
 */

/** Every spelling of its addresses that a command line is likely to hold. */
const REAL_SERVICE = /169\.254\.169\.254|fd00:ec2:(?:0*:)*0*254/i;

/** What each subcommand asks unless told otherwise. */
const ASKS_REAL_SERVICE: Readonly<Record<string, readonly string[]>> = {
  serve: ["--upstream", "--serverName", "--config"],
  check: ["--url"],
};

/**
 * Refuses a command line that could reach a real metadata service from where
 * the test runs; inside a namespace of its own anything goes.
 *
 * @param args a command, or the arguments of `c2s-imds`
 * @throws {Error} when an argument names the service's address, or a
 * subcommand would ask it because nothing else is given
 */
export function refuseRealService(args: readonly string[]): void {
  const named = args.find((arg, i) =>
    REAL_SERVICE.test(arg) && !isRuleOnly(args, i)
  );
  if (named !== undefined) {
    throw new Error(`Cannot use "${named}" outside a network namespace`);
  }
  const [first = ""] = args;
  const subcommand = first.startsWith("--") ? "serve" : first;
  const instead = ASKS_REAL_SERVICE[subcommand];
  if (
    instead === undefined || args.some((arg) => /^--(help|version)$/.test(arg))
  ) {
    return;
  }
  if (!args.some((arg) => instead.some((name) => arg.startsWith(name)))) {
    throw new Error(
      `Cannot start ${subcommand} outside a network namespace: expected ${
        instead[0]
      }`,
    );
  }
}

/** Where a rule would lead from is no address that is asked. */
function isRuleOnly(args: readonly string[], i: number): boolean {
  return args[i]?.startsWith("--destination=") ||
    args[i - 1] === "--destination";
}
