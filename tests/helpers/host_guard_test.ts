import { assertThrows } from "@std/assert";
import { guardHost } from "./host_guard.ts";

type Call = readonly [args: string[], env?: Record<string, string>];

const REFUSED: readonly Call[] = [
  [["serve", "--listen=127.0.0.1:0"]],
  [["--port=0"]],
  [["serve", "--upstream=http://169.254.169.254"]],
  [["serve", "--upstream", "http://[fd00:ec2::254]"]],
  [["serve"], { C2S_IMDS_UPSTREAM: "http://169.254.169.254" }],
  [["serve", "--upstream=http://127.0.0.1:9", "--iptables"]],
  [["serve", "--upstream=http://127.0.0.1:9"], { C2S_IMDS_IPTABLES: "true" }],
  [["iptables", "install"]],
  [["iptables", "remove"]],
  [["serve", "--upstream=cloudstack:eth0"]],
  [["serve", "--upstream", "cloudstack:eth0"]],
  [["serve"], { MDPROXY4CS_INAME: "eth0" }],
  [["address", "add"]],
  [["address", "--arp-ignore", "add"]],
  [["address", "remove"]],
  [["serve", "--upstream=http://127.0.0.1:9", "--address"]],
  [["serve", "--upstream=http://127.0.0.1:9"], { C2S_IMDS_ADDRESS: "true" }],
  [["check"]],
  [["check", "--url", "http://169.254.169.254"]],
];

const ALLOWED: readonly Call[] = [
  [["serve", "--upstream=http://127.0.0.1:9"]],
  [["serve"], { C2S_IMDS_UPSTREAM: "http://127.0.0.1:9" }],
  [["--port=0", "--serverName=127.0.0.1"]],
  [["simulate"]],
  [["serve", "--help"]],
  [["iptables", "install", "--dry-run"]],
  [["iptables", "status"]],
  [["address", "status"]],
  [["check", "--url=http://127.0.0.1:9"]],
];

for (const [args, env = {}] of REFUSED) {
  Deno.test(`guardHost() refuses ${[...args, ...Object.keys(env)].join(" ")}`, () => {
    assertThrows(
      () => guardHost(args, env, true),
      Error,
      "outside a network namespace",
    );
  });
}

for (const [args, env = {}] of ALLOWED) {
  Deno.test(`guardHost() lets ${[...args, ...Object.keys(env)].join(" ")} through`, () => {
    guardHost(args, env, true);
  });
}
