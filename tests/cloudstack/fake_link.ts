/**
 * A machine with `lo` and `eth0` in memory: just enough of `ip`, `cat` and
 * `tee` to let each of them fail, and others change things in between.
 *
 * @module
 */
import type { NotRun, Runner, RunResult } from "../../lib/system/runner.ts";

/** The fake, and what a test may do to it. */
export interface FakeLink {
  /** Answers as the programs would. */
  readonly run: Runner;
  /** The addresses of `lo` with scope and label: `127.0.0.1/8 host lo`. */
  addresses: string[];
  /** `arp_ignore` of all interfaces and of eth0. */
  arp: { all: number; eth0: number };
  /** The answer to a command, by its first words, instead of doing it. */
  refusals: Map<string, RunResult | NotRun>;
  /** Called before each command, with it; may change things. */
  before: (line: string) => void;
  /** Every command that changed something. */
  readonly changes: string[];
}

function said(code: number, stdout = "", stderr = ""): RunResult {
  return { code, stdout, stderr };
}

/** What the programs say to those who may not. */
export const NOT_PERMITTED = said(
  2,
  "",
  "RTNETLINK answers: Operation not permitted\n",
);

/** Makes one without the service's address. */
export function createFakeLink(): FakeLink {
  const fake: FakeLink = {
    addresses: ["127.0.0.1/8 host lo"],
    arp: { all: 0, eth0: 0 },
    refusals: new Map(),
    before: () => {},
    changes: [],
    run: (argv, { stdin = "" } = {}) => {
      const line = argv.join(" ");
      fake.before(line);
      for (const [start, answer] of fake.refusals) {
        if (line.startsWith(start)) return Promise.resolve(answer);
      }
      return Promise.resolve(answer(fake, line, stdin));
    },
  };
  return fake;
}

function answer(fake: FakeLink, line: string, stdin: string): RunResult {
  if (line === "cat /proc/self/status") {
    return said(0, "CapEff:\t0000000000001000\n");
  }
  if (line === "ip -o link show") {
    return said(0, "1: lo: <LOOPBACK,UP> mtu\n2: eth0: <BROADCAST,UP> mtu\n");
  }
  if (line === "ip -o -4 address show dev lo") {
    const lines = fake.addresses.map((one) => {
      const [address, scope, label] = one.split(" ");
      return `1: lo    inet ${address} scope ${scope} ${label}\\   valid_lft\n`;
    });
    return said(0, lines.join(""));
  }
  if (line.startsWith("cat /proc/sys/")) {
    const { all, eth0 } = fake.arp;
    return said(0, line.includes("/eth0/") ? `${all}\n${eth0}\n` : `${all}\n`);
  }
  if (line.startsWith("tee ")) {
    fake.changes.push(line);
    fake.arp.all = Number(stdin);
    return said(0, stdin);
  }
  const [, verb, address = "", scope, label] =
    /^ip address (\w+) (\S+) dev lo(?: scope (\w+) label (\S+))?$/.exec(line) ??
      [];
  const at = fake.addresses.findIndex((one) => one.startsWith(`${address} `));
  if (verb === "add" && at < 0) {
    fake.changes.push(line);
    fake.addresses.push(`${address} ${scope} ${label}`);
    return said(0);
  }
  if (verb === "delete" && at >= 0) {
    fake.changes.push(line);
    fake.addresses.splice(at, 1);
    return said(0);
  }
  return said(2, "", `Error: ipv4: Address already assigned.\n`);
}
