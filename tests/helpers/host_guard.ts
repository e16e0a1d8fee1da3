/**
 * Keeps the program, started by tests in the machine's own network namespace,
 * away from two things: a real metadata service, which on a cloud machine is
 * one connection away with real credentials, and the machine's own rules.
 * What tests do within their own process, deno.json's permissions deny.
 *
 * @module
 */

/** The service's addresses, in the spellings a command line may hold. */
const REAL_SERVICE = /169\.254\.169\.254|fd00:0?ec2:[0:]*:0?254/i;

/** The options and variables that give `serve` another upstream. */
const UPSTREAM =
  /^(?:--upstream|--serverName|--config|C2S_IMDS_UPSTREAM|C2S_IMDS_CONFIG)\b/;

/**
 * Refuses what must not happen outside a namespace of the test's own: see
 * `createNamespace`, where anything goes.
 *
 * @param args the program's arguments
 * @param env the variables it is given
 * @param serves whether it is meant to go on and answer requests
 * @throws {Error} that names what it refuses
 */
export function guardHost(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  serves: boolean,
): void {
  const given = [
    ...args,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ];
  const refuse = (what: string): never => {
    throw new Error(
      `Cannot start the program outside a network namespace: ${what}`,
    );
  };
  if (given.some((one) => /^--(?:help|version|dry-run)$/.test(one))) return;
  const real = given.find((one) => REAL_SERVICE.test(one));
  if (real !== undefined) refuse(`"${real}" is the real metadata service`);
  const router = given.find((one) =>
    /\bcloudstack:|^MDPROXY4CS_INAME=./.test(one)
  );
  if (serves && router !== undefined) {
    refuse(`"${router}" asks this machine's own router`);
  }
  const [first = ""] = args;
  const subcommand = first.startsWith("--") ? "serve" : first;
  const rule =
    given.find((one) =>
      /^(?:--iptables|C2S_IMDS_IPTABLES=)(?!=?false$)/.test(one)
    ) ?? (subcommand === "iptables" && !args.includes("status")
      ? args.slice(0, 2).join(" ")
      : undefined);
  if (rule !== undefined) refuse(`"${rule}" would change the machine's rules`);
  const held = given.find((one) =>
    /^(?:--address|C2S_IMDS_ADDRESS=)(?!=?false$)/.test(one)
  );
  if (held !== undefined) {
    refuse(`"${held}" would change the machine's addresses`);
  }
  if (subcommand === "address" && /^(?:add|remove)$/m.test(args.join("\n"))) {
    refuse(`"${args.join(" ")}" would change the machine's addresses`);
  }
  if (subcommand === "check" && !given.some((one) => one.startsWith("--url"))) {
    refuse("check without --url asks the real metadata service");
  }
  if (
    subcommand === "serve" && serves && !given.some((g) => UPSTREAM.test(g))
  ) {
    refuse("serve without --upstream asks the real metadata service");
  }
}
