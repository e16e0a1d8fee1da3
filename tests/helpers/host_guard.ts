/**
 * Keeps the program, started by tests in the machine's own network namespace,
 * away from two things: a real metadata service, which on a cloud machine is
 * one connection away with real credentials, and the machine's own rules.
 * What tests do within their own process, deno.json's permissions deny.
 *
 * @module
 */

/** The options and variables that give `serve` another upstream. */
const UPSTREAM =
  /^(?:--upstream|--serverName|--config|C2S_IMDS_UPSTREAM|C2S_IMDS_CONFIG)\b/;

/** Arguments and variables that are refused, and why. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/169\.254\.169\.254|fd00:0?ec2:[0:]*:0?254/i, "the real metadata service"],
  [/\bcloudstack:|^MDPROXY4CS_INAME=./, "this machine's own router"],
  [
    /^(?:--iptables|C2S_IMDS_IPTABLES=)(?!=?false$)/,
    "changes the machine's rules",
  ],
  [
    /^(?:--address|C2S_IMDS_ADDRESS=)(?!=?false$)/,
    "changes the machine's addresses",
  ],
];

/** Command lines that are refused. */
const CHANGES = /^(?:iptables (?!.*\bstatus\b)|address .*\b(?:add|remove)\b)/;

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
  for (const [pattern, why] of REFUSED) {
    const found = given.find((one) => pattern.test(one));
    if (found !== undefined) refuse(`"${found}": ${why}`);
  }
  const line = args.join(" ");
  if (CHANGES.test(line)) refuse(`"${line}" changes the machine`);
  const asks = (pattern: RegExp) => given.some((one) => pattern.test(one));
  if (args[0] === "check" && !asks(/^--url/)) {
    refuse("check without --url asks the real metadata service");
  }
  const isServe = args[0] === "serve" || args[0]?.startsWith("--");
  if (isServe && serves && !asks(UPSTREAM)) {
    refuse("serve without --upstream asks the real metadata service");
  }
}
