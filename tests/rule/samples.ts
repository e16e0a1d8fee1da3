/**
 * The rule as iptables saves it, for the tables of tests.
 *
 * @module
 */
import type { Machine } from "../../lib/rule/machine.ts";
import type { PlaceReading, Table } from "../../lib/rule/read.ts";
import {
  type Backend,
  DEFAULT_DESTINATION,
  type Desired,
} from "../../lib/rule/rule.ts";

/** The redirect's jump, without its chain. */
export const JUMP =
  "-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m comment --comment c2s-imds -j C2S-IMDS";

/** The guard's jump, without its chain. */
export const GUARD_JUMP = "-p tcp -m comment --comment c2s-imds -j C2S-IMDS";

/** The redirect's chain. */
export function redirect(port = 4000, uid = 10_169): string[] {
  return [
    `-A C2S-IMDS -m owner --uid-owner ${uid} -m comment --comment c2s-imds -j RETURN`,
    `-A C2S-IMDS -p tcp -m comment --comment c2s-imds -j REDIRECT --to-ports ${port}`,
  ];
}

const REDIRECTED =
  "-m conntrack --ctstate DNAT --ctorigdst 169.254.169.254 --ctorigdstport 80 --ctdir REPLY -m tcp";

/** The guard's chain. */
export function guard(ports: readonly number[] = [4000], uid = 10_169) {
  const mark = `! --uid-owner ${uid} -m comment --comment c2s-imds`;
  const answers = ports.map((port) => `-m tcp --sport ${port}`);
  if (ports.length > 0) answers.push(REDIRECTED);
  return [
    `-A C2S-IMDS -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --socket-exists ${mark} -j REJECT --reject-with tcp-reset`,
    ...answers.flatMap((match) => [
      `-A C2S-IMDS -o lo -p tcp ${match} --tcp-flags SYN,ACK SYN,ACK -m owner ${mark} -j DROP`,
      `-A C2S-IMDS -o lo -p tcp ${match} --tcp-flags RST NONE -m owner --socket-exists ${mark} -j DROP`,
    ]),
  ];
}

/** The redirect's table, as it shall be unless told otherwise. */
export function nat(
  chain: string[] | undefined = redirect(),
  ...output: string[]
): Table {
  const jumps = output.length > 0 ? output : [JUMP];
  return { output: jumps.map((rule) => `-A OUTPUT ${rule}`), chain };
}

/** The guard's table, as it shall be unless told otherwise. */
export function filter(
  chain: string[] | undefined = guard(),
  ...output: string[]
): Table {
  return nat(chain, ...output.length > 0 ? output : [GUARD_JUMP]);
}

/** What was read of IPv4 in one backend. */
export function place(
  nat: Table,
  filter: Table,
  backend: Backend = "nft",
): PlaceReading {
  return { backend, family: "ip", nat, filter };
}

/** The rule in force. */
export const OPEN: Desired = {
  state: "open",
  uid: 10_169,
  targets: [{ ...DEFAULT_DESTINATION, port: 4000 }],
};

/** The guard in force, without a redirect. */
export const GUARD_ALONE: Desired = {
  ...OPEN,
  targets: [{ ...DEFAULT_DESTINATION, port: undefined }],
};

/** A machine with every program, which runs none. */
export function machine(backend: Backend): Machine {
  const commands = (suffix: string) => ({
    ip: { command: `iptables-${suffix}` },
    ip6: { command: `ip6tables-${suffix}` },
  });
  return {
    backend,
    action: "install the rule",
    run: () => Promise.reject(new Error("Ran a command")),
    tools: {
      nft: commands("nft"),
      legacy: commands("legacy"),
      nftables: { ip: { command: "nft" }, ip6: { command: "nft" } },
    },
    hasIPv6: true,
  };
}
