/**
 * The rule as iptables saves it, for the tables of tests.
 *
 * @module
 */
import type { Machine } from "../../lib/rule/machine.ts";
import type { PlaceReading, Reading, Table } from "../../lib/rule/read.ts";
import {
  type Backend,
  DEFAULT_DESTINATION,
  type Desired,
  type Family,
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
  return [
    `-A C2S-IMDS -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --socket-exists ${mark} -j REJECT --reject-with tcp-reset`,
    ...[
      ...ports.map((port) => `-m tcp --sport ${port}`),
      ...ports.length > 0 ? [REDIRECTED] : [],
    ]
      .flatMap((match) => [
        `-A C2S-IMDS -o lo -p tcp ${match} --tcp-flags SYN,ACK SYN,ACK -m owner ${mark} -j DROP`,
        `-A C2S-IMDS -o lo -p tcp ${match} --tcp-flags RST NONE -m owner --socket-exists ${mark} -j DROP`,
      ]),
  ];
}

/** A table with nothing of ours. */
export const NONE: Table = { output: [], chain: undefined };

/** The redirect's table as it shall be. */
export const NAT: Table = { output: [`-A OUTPUT ${JUMP}`], chain: redirect() };

/** The guard's table as it shall be. */
export const FILTER: Table = {
  output: [`-A OUTPUT ${GUARD_JUMP}`],
  chain: guard(),
};

/** What was read of IPv4 in the nft backend. */
export function nft(nat: Table, filter: Table): PlaceReading {
  return { backend: "nft", family: "ip", nat, filter };
}

/** A reading of some places. */
export function reading(...places: readonly PlaceReading[]): Reading {
  return { places, unreadable: [], warnings: [] };
}

/** The rule in force. */
export const OPEN: Desired = {
  state: "open",
  uid: 10_169,
  targets: [{ ...DEFAULT_DESTINATION, port: 4000 }],
};

/** A machine with every program, which runs none. */
export function machine(backend: Backend): Machine {
  const commands = (suffix: string) => {
    const name = (family: Family) => `${family}tables-${suffix}`;
    return { ip: name("ip"), ip6: name("ip6") };
  };
  return {
    backend,
    action: "install the rule",
    run: () => Promise.reject(new Error("Ran a command")),
    tools: {
      nft: commands("nft"),
      legacy: commands("legacy"),
      nftables: { ip: "nft", ip6: "nft" },
      hasIPv6: true,
      broken: [],
    },
  };
}
