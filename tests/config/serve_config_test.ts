import { assertEquals } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import type { WholeConfig } from "../../lib/config/serve_config.ts";

const DEFAULTS: WholeConfig = {
  listen: [{ hostname: "127.0.0.1", port: 4000 }],
  listenAnywhere: false,
  upstream: { hostname: "169.254.169.254", port: 80 },
  regions: new Map([["us-east-1", "us-iso-east-1"]]),
  identity: undefined,
  rewrite: "safe",
  timeoutMs: 60_000,
  cacheMs: 1000,
  admin: undefined,
  allowBrowsers: false,
  iptables: false,
  backend: "auto",
  user: { text: "10169", source: "the default of --user", uid: 10_169 },
  onStop: "remove",
  onCrash: "keep",
  address: false,
  arpIgnore: false,
  logLevel: "info",
  logFormat: "text",
};

/** What differs with `--upstream cloudstack:eth0`. */
const CLOUDSTACK: Partial<WholeConfig> = {
  upstream: { hostname: "data-server", port: 80 },
  discover: { interface: "eth0" },
};

const at = (hostname: string, port: number) => ({ hostname, port });
const maps = (...pairs: [string, string][]) => ({ regions: new Map(pairs) });

/** What is given: flags, the text of the file, and variables. */
interface Sources {
  readonly args?: string;
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What is given, and what differs from the defaults then. */
const CASES: readonly (readonly [string, Sources, Partial<WholeConfig>])[] = [
  ["nothing is given", { env: { PATH: "/bin", C2S: "x" } }, {}],
  ["the file is empty", { yaml: "" }, {}],
  ["the file begins with a BOM", { yaml: "\ufefftimeout: 1" }, {
    timeoutMs: 1000,
  }],
  ["a flag, a variable and a key disagree", {
    args: "--timeout 1",
    env: { C2S_IMDS_TIMEOUT: "2" },
    yaml: "timeout: 3",
  }, { timeoutMs: 1000 }],
  ["a variable and a key disagree", {
    env: { C2S_IMDS_TIMEOUT: "2" },
    yaml: "timeout: 3",
  }, { timeoutMs: 2000 }],
  ["each source gives another option", {
    args: "--rewrite=all",
    env: { C2S_IMDS_CACHE: "0" },
    yaml: `log-level: debug\nlog-format: "json"`,
  }, { rewrite: "all", cacheMs: 0, logLevel: "debug", logFormat: "json" }],
  ["a flag takes a switch of the environment back", {
    args: "--listen-anywhere=false",
    env: { C2S_IMDS_LISTEN_ANYWHERE: "1" },
  }, {}],
  ["a flag takes switches of the file back", {
    args: "--no-iptables --no-allow-browsers --allow-browsers",
    yaml: "iptables: true\nallow-browsers: false",
  }, { allowBrowsers: true }],
  ["the rule is asked for", {
    args: "--iptables --user=nobody",
    env: { C2S_IMDS_ON_STOP: "keep" },
    yaml: "on-crash: remove\nbackend: nftables",
  }, {
    iptables: true,
    user: { text: "nobody", source: "--user" },
    onStop: "keep",
    onCrash: "remove",
    backend: "nftables",
  }],
  ...["169.254.169.254", "0.0.0.0", "::"].map((hostname) =>
    [`the service's address is asked for with a listener on ${hostname}`, {
      args: `--address --arp-ignore --upstream=cloudstack:eth0 --listen=${
        hostname === "::" ? "[::]" : hostname
      }:80`,
      env: { C2S_IMDS_LISTEN_ANYWHERE: "1" },
    }, {
      ...CLOUDSTACK,
      listenAnywhere: true,
      listen: [at(hostname, 80)],
      address: true,
      arpIgnore: true,
    }] as const
  ),
  ["a variable names the file", { env: { C2S_IMDS_CONFIG: "c.yaml" } }, {
    timeoutMs: 9000,
  }],
  ["lists of one source do not add to those of another", {
    args: "--listen 127.0.0.1:1",
    env: { C2S_IMDS_LISTEN: "127.0.0.1:2" },
    yaml: "listen: 127.0.0.1:3",
  }, { listen: [at("127.0.0.1", 1)] }],
  ["a flag is repeated", {
    args: "--listen=127.0.0.1:0 --listen 127.0.0.1:0 --listen=[::1]:5",
  }, { listen: [at("127.0.0.1", 0), at("127.0.0.1", 0), at("::1", 5)] }],
  ["a variable is a list with commas and spaces", {
    env: { C2S_IMDS_LISTEN: " 127.0.0.1:1,127.0.0.1:2\n[::1]:3, " },
  }, { listen: [at("127.0.0.1", 1), at("127.0.0.1", 2), at("::1", 3)] }],
  ["a key is a list", { yaml: `listen: ["127.0.0.1:1", "[::1]:2"]` }, {
    listen: [at("127.0.0.1", 1), at("::1", 2)],
  }],
  ["administrators may ask at another address of loopback", {
    env: { C2S_IMDS_ADMIN: "[::1]:4000" },
  }, { admin: at("::1", 4000) }],
  ["administrators' port is any, as the proxy's", {
    yaml: "admin: 127.0.0.1:0\nlisten: 127.0.0.1:0",
  }, { admin: at("127.0.0.1", 0), listen: [at("127.0.0.1", 0)] }],
  ["the upstream is IPv6 with a slash", {
    args: "--upstream http://[FD00:EC2:0::254]/",
  }, { upstream: at("fd00:ec2::254", 80) }],
  ["the upstream is a name", { args: "--upstream http://Meta_1.internal" }, {
    upstream: at("meta_1.internal", 80),
  }],
  ["the upstream is CloudStack's", {
    yaml: "upstream: cloudstack:enp1s0.100",
  }, {
    ...CLOUDSTACK,
    discover: { interface: "enp1s0.100" },
  }],
  ["mdproxy4cs has its own defaults", {
    env: {
      MDPROXY4CS_INAME: "eth0",
      MDPROXY4CS_LOG_LEVEL: "info",
      MDPROXY4CS_LOG_FILE: "-",
      MDPROXY4CS_HTTP_LISTEN: "169.254.169.254:39724",
    },
  }, { ...CLOUDSTACK, listen: [at("169.254.169.254", 39724)] }],
  ["mdproxy4cs beats the file", {
    env: {
      MDPROXY4CS_INAME: "eth0",
      MDPROXY4CS_HTTP_LISTEN: "127.0.0.1:1",
      MDPROXY4CS_LOG_LEVEL: "WARNING",
    },
    yaml: "upstream: http://host\nlisten: 127.0.0.1:2\nlog-level: debug",
  }, { ...CLOUDSTACK, listen: [at("127.0.0.1", 1)], logLevel: "warn" }],
  ["the environment and flags beat mdproxy4cs", {
    args: "--listen=127.0.0.1:3",
    env: {
      MDPROXY4CS_INAME: "eth0",
      MDPROXY4CS_HTTP_LISTEN: "127.0.0.1:1",
      MDPROXY4CS_LOG_LEVEL: "trace",
      C2S_IMDS_UPSTREAM: "http://127.0.0.1:1338",
    },
  }, {
    upstream: at("127.0.0.1", 1338),
    listen: [at("127.0.0.1", 3)],
    logLevel: "debug",
  }],
  ["mdproxy4cs's variables are empty, or unknown", {
    env: {
      MDPROXY4CS_INAME: "",
      MDPROXY4CS_LOG_LEVEL: "",
      MDPROXY4CS_LOG_FILE: "",
      MDPROXY4CS_HTTP_LISTEN: "",
      MDPROXY4CS_OTHER: "x",
    },
  }, {}],
  ["no region is mapped", { args: "--region none" }, maps()],
  ["regions are of every form", {
    args: "--region=us-gov-west-1=x --region cn-northwest-1=x",
    yaml: "region: us-east-1=x",
  }, maps(["us-gov-west-1", "x"], ["cn-northwest-1", "x"])],
  [
    "regions are a mapping",
    {
      yaml: "region: {eusc-de-east-1: x, us-iso-east-1: y, mx-central-1: x}",
    },
    maps(["eusc-de-east-1", "x"], ["us-iso-east-1", "y"], [
      "mx-central-1",
      "x",
    ]),
  ],
  ["seconds are decimal", { args: "--timeout=0.25 --cache 1.5" }, {
    timeoutMs: 250,
    cacheMs: 1500,
  }],
  ["the original's port beats the environment", {
    args: "--port 8080",
    env: { C2S_IMDS_LISTEN: "127.0.0.1:1" },
  }, { listen: [at("127.0.0.1", 8080)] }],
  ["the original's server name stands alone", { args: "--serverName imds.x" }, {
    upstream: at("imds.x", 80),
  }],
  ["the original's server name is IPv6", {
    args: "--serverName fd00:ec2::254 --serverPort=8080",
  }, { upstream: at("fd00:ec2::254", 8080) }],
  ["the original's emulated region stands alone", {
    args: "--emulatedRegion us-isob-east-1",
  }, maps(["us-east-1", "us-isob-east-1"])],
  ["the original's regions stand together", {
    args: "--realRegion=us-west-2 --emulatedRegion=b",
  }, maps(["us-west-2", "b"])],
  ["Kubernetes links a Service of this name", {
    env: {
      C2S_IMDS_SERVICE_HOST: "10.0.0.1",
      C2S_IMDS_SERVICE_PORT: "4000",
      C2S_IMDS_SERVICE_PORT_HTTP: "4000",
      C2S_IMDS_PORT: "tcp://10.0.0.1:4000",
      C2S_IMDS_PORT_4000_TCP: "tcp://10.0.0.1:4000",
      C2S_IMDS_PORT_4000_TCP_PROTO: "tcp",
      C2S_IMDS_PORT_4000_TCP_PORT: "4000",
      C2S_IMDS_PORT_4000_TCP_ADDR: "10.0.0.1",
      C2S_IMDS_ADMIN_SERVICE_HOST: "10.0.0.2",
    },
  }, {}],
];

Deno.test("readServeConfig() reads what is given", async (t) => {
  for (const [when, { args, yaml, env = {} }, differing] of CASES) {
    await t.step(`when ${when}`, () => {
      const config = readServeConfig(
        [
          ...args?.split(" ") ?? [],
          ...yaml === undefined ? [] : ["--config=c.yaml"],
        ],
        env,
        () => yaml ?? "timeout: 9",
      );
      assertEquals(config, { ...DEFAULTS, ...differing });
    });
  }
});
