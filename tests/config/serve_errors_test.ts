import { assertEquals, assertThrows } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { UsageError } from "../../lib/cli/message.ts";

/** What is wrong, and the line that says so. */
interface Case {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The text of `c.yaml`, which `--config` names then. */
  readonly yaml?: string;
  readonly message: string;
}

const CASES: readonly Case[] = [
  // Flags.
  {
    args: ["--timeot", "4"],
    message: `Unknown option "--timeot": did you mean --timeout?`,
  },
  {
    args: ["--emulated-region=x"],
    message:
      `Unknown option "--emulated-region": did you mean --emulatedRegion?`,
  },
  { args: ["--frob"], message: `Unknown option "--frob": see --help` },
  {
    args: ["--constructor"],
    message: `Unknown option "--constructor": see --help`,
  },
  { args: ["-p"], message: `Unknown option "-p": see --help` },
  {
    args: ["--no-listen-anywhere"],
    message:
      `Unknown option "--no-listen-anywhere": did you mean --listen-anywhere?`,
  },
  // Administrators.
  {
    args: ["--admin", "4001"],
    message:
      `Cannot use "4001" for --admin: expected HOST:PORT, such as 127.0.0.1:4000 or [::1]:4000`,
  },
  ...["0.0.0.0:4001", "10.0.0.1:4001", "[::]:4001", "169.254.169.254:4001"]
    .map((address): Case => ({
      args: ["--listen-anywhere", `--admin=${address}`],
      message:
        `Cannot use "${address}" for --admin: expected a loopback address`,
    })),
  {
    env: { C2S_IMDS_ADMIN: "127.0.0.1:4000" },
    message:
      `Cannot use "127.0.0.1:4000" for C2S_IMDS_ADMIN: expected another port than the proxy's own`,
  },
  ...["0.0.0.0", "[::]"].map((host): Case => ({
    args: [
      "--listen-anywhere",
      `--listen=${host}:4001`,
      "--admin=127.0.0.1:4001",
    ],
    message:
      `Cannot use "127.0.0.1:4001" for --admin: expected another port than the proxy's own`,
  })),
  {
    args: ["--upstream=http://127.0.0.1:4001", "--admin=127.0.0.1:4001"],
    message:
      `Cannot use "127.0.0.1:4001" for --admin: expected another address than the upstream's`,
  },
  { args: ["now"], message: `Unexpected argument "now": see --help` },
  { args: ["--", "now"], message: `Unexpected argument "now": see --help` },
  // A negative number belongs to the option before it.
  ...[["--timeout", "-1"], ["--timeout=-1"]].map((args): Case => ({
    args,
    message:
      `Cannot use "-1" for --timeout: expected seconds from 0.001 to 3600`,
  })),
  {
    args: ["--cache", "-.5"],
    message: `Cannot use "-.5" for --cache: expected seconds from 0 to 3600`,
  },
  {
    args: ["--log-level", "-1", "--frob"],
    message: `Unknown option "--frob": see --help`,
  },
  { args: ["--timeout", "-p"], message: `Unknown option "-p": see --help` },
  { args: ["--iptables", "-1"], message: `Unknown option "-1": see --help` },
  { args: ["-1"], message: `Unknown option "-1": see --help` },
  {
    args: ["--", "--timeout", "-1"],
    message: `Unexpected argument "--timeout": see --help`,
  },
  {
    args: ["--timeout"],
    message: `Cannot use "" for --timeout: expected SECONDS`,
  },
  {
    args: ["--timeout", "1", "--timeout=2"],
    message: `Cannot use --timeout 2 times: expected it once`,
  },
  {
    args: ["--listen-anywhere=maybe"],
    message:
      `Cannot use "maybe" for --listen-anywhere: expected no value, true or false`,
  },
  // Addresses to listen on.
  {
    args: ["--listen", "4000"],
    message:
      `Cannot use "4000" for --listen: expected HOST:PORT, such as 127.0.0.1:4000 or [::1]:4000`,
  },
  {
    args: ["--listen", "::1:4000"],
    message:
      `Cannot use "::1:4000" for --listen: expected an IP address before the port, such as 127.0.0.1 or [::1]`,
  },
  {
    args: ["--listen", "[fe80::1%lo]:4000"],
    message:
      `Cannot use "[fe80::1%lo]:4000" for --listen: expected an IP address before the port, such as 127.0.0.1 or [::1]`,
  },
  {
    args: ["--listen", "node.example:4000"],
    message:
      `Cannot use "node.example:4000" for --listen: expected an IP address before the port, such as 127.0.0.1 or [::1]`,
  },
  {
    args: ["--listen", "localhost:4000"],
    message:
      `Cannot use "localhost:4000" for --listen: expected an IP address, 127.0.0.1 instead of localhost`,
  },
  ...["", "x", "65536", "-1", "1.5", "0x10", "04000", " 4000", "1e3"].map(
    (port): Case => ({
      args: [`--listen=127.0.0.1:${port}`],
      message:
        `Cannot use "127.0.0.1:${port}" for --listen: expected a port from 0 to 65535`,
    }),
  ),
  {
    args: ["--listen", "0.0.0.0:4000"],
    message:
      `Cannot use "0.0.0.0:4000" for --listen: expected a loopback address, or --listen-anywhere beside it`,
  },
  {
    args: ["--listen", "[::ffff:127.0.0.1]:4000"],
    message:
      `Cannot use "[::ffff:127.0.0.1]:4000" for --listen: expected a loopback address, or --listen-anywhere beside it`,
  },
  {
    args: ["--listen", "[::1]:4000", "--listen", "[0:0:0:0:0:0:0:1]:4000"],
    message:
      `Cannot use "[0:0:0:0:0:0:0:1]:4000" for --listen: expected each address once`,
  },
  // The upstream.
  ...[
    "169.254.169.254",
    "https://169.254.169.254",
    "http://",
    "http://host/latest",
    "http://host//",
    "http://host?x",
    "http://host/?x",
    "http://host#x",
    "http://::1",
  ].map((url): Case => ({
    args: ["--upstream", url],
    message:
      `Cannot use "${url}" for --upstream: expected http://HOST[:PORT] without user, path or query`,
  })),
  ...[
    "http://256.1.1.1",
    "http://1",
    "http://0x7f.1",
    "http://a..b",
    "http://-a",
    "http://a b",
    "http://[::g]",
    "http://[127.0.0.1]",
    "http://h\u{f6}st",
  ].map((url): Case => ({
    args: ["--upstream", url],
    message:
      `Cannot use "${url}" for --upstream: expected a host name or IP address after http://`,
  })),
  ...[
    "",
    ".",
    "..",
    "eth0/x",
    "eth0:1",
    "eth 0",
    "eth0\t",
    "sixteen-letters0",
    "\u{e9}th0",
  ].map((name): Case => ({
    args: ["--upstream", `cloudstack:${name}`],
    message: `Cannot use ${
      JSON.stringify(`cloudstack:${name}`)
    } for --upstream: expected the name of an interface, up to 15 characters, such as eth0`,
  })),
  {
    args: ["--upstream=cloudstack"],
    message:
      `Cannot use "cloudstack" for --upstream: expected http://HOST[:PORT] without user, path or query`,
  },
  // mdproxy4cs's variables.
  {
    env: { MDPROXY4CS_INAME: "eth0:1" },
    message:
      `Cannot use "eth0:1" for MDPROXY4CS_INAME: expected the name of an interface, up to 15 characters, such as eth0`,
  },
  {
    env: { MDPROXY4CS_HTTP_LISTEN: ":39724" },
    message:
      `Cannot use ":39724" for MDPROXY4CS_HTTP_LISTEN: expected an IP address before the port, such as 127.0.0.1 or [::1]`,
  },
  ...["0.0.0.0:39724", "192.0.2.1:39724"].map((text): Case => ({
    env: { MDPROXY4CS_HTTP_LISTEN: text },
    message:
      `Cannot use "${text}" for MDPROXY4CS_HTTP_LISTEN: expected a loopback address, or --listen-anywhere beside it`,
  })),
  ...(["args", "env"] as const).map((from): Case => ({
    ...from === "args"
      ? { args: ["--listen=169.254.169.254:39724"] }
      : { env: { C2S_IMDS_LISTEN: "169.254.169.254:39724" } },
    message: `Cannot use "169.254.169.254:39724" for ${
      from === "args" ? "--listen" : "C2S_IMDS_LISTEN"
    }: expected a loopback address, or --listen-anywhere beside it`,
  })),
  {
    env: { MDPROXY4CS_LOG_LEVEL: "loud" },
    message:
      `Cannot use "loud" for MDPROXY4CS_LOG_LEVEL: expected one of debug, info, warn, error, trace, warning, fatal, panic`,
  },
  {
    env: { MDPROXY4CS_LOG_FILE: "/var/log/mdproxy4cs.log" },
    message:
      `Cannot use "/var/log/mdproxy4cs.log" for MDPROXY4CS_LOG_FILE: expected -, for the log goes to standard error`,
  },
  ...["", "0", "65536", "x", "80:80"].map((port): Case => ({
    args: ["--upstream", `http://host:${port}`],
    message:
      `Cannot use "http://host:${port}" for --upstream: expected a port from 1 to 65535`,
  })),
  {
    args: ["--upstream", "http://127.0.0.1:4000"],
    message:
      `Cannot use "http://127.0.0.1:4000" for --upstream: expected another address than the proxy's own`,
  },
  {
    args: ["--upstream", "http://user:secret@host"],
    message:
      `Cannot use "http://…@host" for --upstream: expected http://HOST[:PORT] without user, path or query`,
  },
  // Regions.
  {
    args: ["--region", "us-east-1"],
    message:
      `Cannot use "us-east-1" for --region: expected REAL=EMULATED or none`,
  },
  ...["", "us-esat-1", "latest", "region", "us east", "us-east-1a", "RegionOne"]
    .map((real): Case => ({
      args: ["--region", `${real}=us-east-2`],
      message:
        `Cannot use "${real}=us-east-2" for --region: expected a real region, such as us-east-1 or us-gov-west-1, before "="`,
    })),
  {
    args: ["--region", "us-east-1="],
    message:
      `Cannot use "us-east-1=" for --region: expected a region name after "="`,
  },
  {
    args: ["--region", "us-east-1=b=c"],
    message:
      `Cannot use "us-east-1=b=c" for --region: expected a region name after "="`,
  },
  {
    args: ["--region", "us-east-1=us-east-1"],
    message:
      `Cannot use "us-east-1=us-east-1" for --region: expected two different regions`,
  },
  ...["b", "c"].map((other): Case => ({
    args: ["--region", "us-east-1=b", "--region", `us-east-1=${other}`],
    message:
      `Cannot use "us-east-1=${other}" for --region: expected one map for each real region, "us-east-1" has two`,
  })),
  ...[
    ["us-east-1=us-east-2", "us-east-2=c"],
    ["us-east-2=c", "us-east-1=us-east-2"],
    ["us-east-1=us-east-2", "us-east-2=us-east-1"],
  ].map((pairs): Case => ({
    args: pairs.map((pair) => `--region=${pair}`),
    message:
      `Cannot use "us-east-1=us-east-2" for --region: expected no chain, but another map starts at "us-east-2"`,
  })),
  {
    args: ["--region", "us-east-1=b", "--region", "none"],
    message: `Cannot use "none" for --region: expected none to stand alone`,
  },
  // Words and seconds.
  {
    args: ["--rewrite", "most"],
    message: `Cannot use "most" for --rewrite: expected one of safe, all`,
  },
  ...["0", "0.0001", "3600.1", "-1", "5s", "1e3", ".5", "0x5", "Infinity"]
    .map((seconds): Case => ({
      args: [`--timeout=${seconds}`],
      message:
        `Cannot use "${seconds}" for --timeout: expected seconds from 0.001 to 3600`,
    })),
  {
    args: ["--cache", "soon"],
    message: `Cannot use "soon" for --cache: expected seconds from 0 to 3600`,
  },
  {
    args: ["--log-level", "trace"],
    message:
      `Cannot use "trace" for --log-level: expected one of debug, info, warn, error`,
  },
  {
    args: ["--log-format", "xml"],
    message: `Cannot use "xml" for --log-format: expected one of text, json`,
  },
  // The original's flags.
  {
    args: ["--port", "http"],
    message:
      `Cannot use "127.0.0.1:http" for --port: expected a port from 0 to 65535`,
  },
  {
    args: ["--port", "4001", "--listen", "127.0.0.1:4000"],
    message: `Cannot use --port beside --listen: expected one or the other`,
  },
  {
    args: ["--serverPort", "0"],
    message:
      `Cannot use "http://169.254.169.254:0" for --serverPort: expected a port from 1 to 65535`,
  },
  {
    args: ["--serverName", "http://x"],
    message:
      `Cannot use "http://[http://x]:80" for --serverName: expected a host name or IP address after http://`,
  },
  {
    args: ["--serverName=a", "--serverPort=1", "--upstream=http://b"],
    message:
      `Cannot use --serverName and --serverPort beside --upstream: expected one or the other`,
  },
  {
    args: ["--realRegion", "us-esat-1"],
    message:
      `Cannot use "us-esat-1=us-iso-east-1" for --realRegion: expected a real region, such as us-east-1 or us-gov-west-1, before "="`,
  },
  {
    args: ["--emulatedRegion", "a=b"],
    message:
      `Cannot use "us-east-1=a=b" for --emulatedRegion: expected a region name after "="`,
  },
  {
    args: ["--emulatedRegion", "us-east-1"],
    message:
      `Cannot use "us-east-1=us-east-1" for --emulatedRegion: expected two different regions`,
  },
  {
    args: ["--emulatedRegion", "x", "--region", "us-east-1=b"],
    message:
      `Cannot use --emulatedRegion beside --region: expected one or the other`,
  },
  // The environment.
  {
    env: { C2S_IMDS_TIMEOUT: "0" },
    message:
      `Cannot use "0" for C2S_IMDS_TIMEOUT: expected seconds from 0.001 to 3600`,
  },
  {
    env: { C2S_IMDS_TIMEOUT: "" },
    message: `Cannot use "" for C2S_IMDS_TIMEOUT: expected SECONDS`,
  },
  {
    env: { C2S_IMDS_LISTEN: " , " },
    message: `Cannot use "" for C2S_IMDS_LISTEN: expected HOST:PORT`,
  },
  {
    env: { C2S_IMDS_LISTEN_ANYWHERE: "yes" },
    message:
      `Cannot use "yes" for C2S_IMDS_LISTEN_ANYWHERE: expected true or false`,
  },
  {
    env: { C2S_IMDS_REGION: "us-east-1=us-east-2,us-east-2=c" },
    message:
      `Cannot use "us-east-1=us-east-2" for C2S_IMDS_REGION: expected no chain, but another map starts at "us-east-2"`,
  },
  {
    env: { C2S_IMDS_TIMEOT: "1" },
    message:
      `Unknown variable "C2S_IMDS_TIMEOT": did you mean C2S_IMDS_TIMEOUT?`,
  },
  {
    env: { C2S_IMDS_PORT: "4000" },
    message: `Unknown variable "C2S_IMDS_PORT": see --help`,
  },
  {
    env: { C2S_IMDS_LOGLEVEL: "info" },
    message:
      `Unknown variable "C2S_IMDS_LOGLEVEL": did you mean C2S_IMDS_LOG_LEVEL?`,
  },
  // The user, wherever it was given.
  ...[
    [{ args: ["--user=0"] }, "0", "--user"],
    [{ env: { C2S_IMDS_USER: "root" } }, "root", "C2S_IMDS_USER"],
    [{ yaml: "user: root" }, "root", `key "user" in "c.yaml"`],
  ].map(([given, user, source]): Case => ({
    ...given as Omit<Case, "message">,
    message:
      `Cannot use "${user}" for ${source}: uid 0 would exempt every client that runs as root, name the proxy's own user`,
  })),
  {
    env: { C2S_IMDS_USER: "010" },
    message:
      `Cannot use "010" for C2S_IMDS_USER: expected a uid without a leading 0`,
  },
  // The file.
  {
    args: ["--config", "missing.yaml"],
    message: `Cannot read configuration file "missing.yaml": no such file`,
  },
  {
    env: { C2S_IMDS_CONFIG: "secret.yaml" },
    message: `Cannot read configuration file "secret.yaml": no permission`,
  },
  {
    args: ["--config", "folder"],
    message: `Cannot read configuration file "folder": it is a folder`,
  },
  {
    yaml: "- listen",
    message: `Cannot use a list for "c.yaml": expected a mapping`,
  },
  {
    yaml: "listen",
    message: `Cannot use a text for "c.yaml": expected a mapping`,
  },
  {
    yaml: "timeot: 4",
    message: `Unknown key "timeot" in "c.yaml": did you mean "timeout"?`,
  },
  {
    yaml: "config: other.yaml",
    message: `Unknown key "config" in "c.yaml": see --help`,
  },
  {
    yaml: "port: 4000",
    message: `Unknown key "port" in "c.yaml": see --help`,
  },
  { yaml: "2: x", message: `Unknown key "2" in "c.yaml": see --help` },
  {
    yaml: "timeout: 0",
    message:
      `Cannot use "0" for key "timeout" in "c.yaml": expected seconds from 0.001 to 3600`,
  },
  {
    yaml: "timeout:",
    message:
      `Cannot use nothing for key "timeout" in "c.yaml": expected SECONDS`,
  },
  {
    yaml: "timeout: [5]",
    message:
      `Cannot use a list for key "timeout" in "c.yaml": expected SECONDS`,
  },
  {
    yaml: "timeout: true",
    message: `Cannot use true for key "timeout" in "c.yaml": expected SECONDS`,
  },
  {
    yaml: "timeout: 2001-01-01",
    message:
      `Cannot use a date for key "timeout" in "c.yaml": expected SECONDS`,
  },
  {
    yaml: "timeout: !!binary aGk=",
    message:
      `Cannot use binary data for key "timeout" in "c.yaml": expected SECONDS`,
  },
  {
    yaml: "listen: []",
    message:
      `Cannot use a list for key "listen" in "c.yaml": expected HOST:PORT or a list of them`,
  },
  {
    yaml: "listen: [[127.0.0.1:1]]",
    message:
      `Cannot use a list for key "listen" in "c.yaml": expected HOST:PORT or a list of them`,
  },
  {
    yaml: "listen: {a: b}",
    message:
      `Cannot use a mapping for key "listen" in "c.yaml": expected HOST:PORT or a list of them`,
  },
  {
    yaml: "listen: &own [*own]",
    message:
      `Cannot use a list for key "listen" in "c.yaml": expected HOST:PORT or a list of them`,
  },
  {
    yaml: "region: {a: null}",
    message:
      `Cannot use a mapping for key "region" in "c.yaml": expected REAL=EMULATED or a list of them`,
  },
  {
    yaml: "region: {us-east-1: us-east-2, us-east-2: x}",
    message:
      `Cannot use "us-east-1=us-east-2" for key "region" in "c.yaml": expected no chain, but another map starts at "us-east-2"`,
  },
  {
    yaml: `listen-anywhere: "true"`,
    message:
      `Cannot use "true" for key "listen-anywhere" in "c.yaml": expected true or false without quotes`,
  },
  ...["yes", "Off"].map((text): Case => ({
    yaml: `iptables: ${text}`,
    message:
      `Cannot use "${text}" for key "iptables" in "c.yaml": expected true or false without quotes, ${text} is text`,
  })),
  // The service's address on lo.
  {
    args: [
      "--address",
      "--listen=169.254.169.254:39724",
      "--listen-anywhere",
    ],
    message:
      `Cannot use --address: expected another upstream beside it, 169.254.169.254 would be this node`,
  },
  {
    args: ["--upstream=cloudstack:eth0"],
    env: { C2S_IMDS_ADDRESS: "1" },
    message:
      `Cannot use C2S_IMDS_ADDRESS: expected --listen 169.254.169.254:PORT beside it`,
  },
  {
    args: ["--arp-ignore"],
    message: `Cannot use --arp-ignore: expected --address beside it`,
  },
  // Whatever stands in a value, the message stays one line.
  {
    args: ["--rewrite", "a\nb\r\x1b[31m\u2028\u202e\u0085"],
    message:
      `Cannot use "a\\nb\\r\\u001b[31m\\u{2028}\\u{202e}\\u{85}" for --rewrite: expected one of safe, all`,
  },
  {
    args: ["--rewrite", "x".repeat(5000)],
    message: `Cannot use "${
      "x".repeat(200)
    }…" for --rewrite: expected one of safe, all`,
  },
];

function read({ args = [], env = {}, yaml }: Case) {
  return readServeConfig(
    yaml === undefined ? args : [...args, "--config", "c.yaml"],
    env,
    (path) => {
      if (path === "c.yaml" && yaml !== undefined) return yaml;
      if (path === "secret.yaml") {
        throw new Deno.errors.PermissionDenied("Permission denied");
      }
      return Deno.readTextFileSync(
        new URL(path === "folder" ? "." : path, import.meta.url),
      );
    },
  );
}

Deno.test("readServeConfig() says in one line what is wrong", async (t) => {
  for (const wrong of CASES) {
    await t.step(wrong.message, () => {
      const { message } = assertThrows(() => read(wrong), UsageError);
      assertEquals(message, wrong.message);
    });
  }
});

Deno.test("readServeConfig() names the place when a file is not YAML", () => {
  for (
    const yaml of ["listen: [", "listen: [::1]:4000", "a: 1\na: 2", "a: *b"]
  ) {
    const { message } = assertThrows(
      () => read({ yaml, message: "" }),
      UsageError,
    );
    const head = `Cannot read configuration file "c.yaml": expected YAML: `;
    assertEquals(message.slice(0, head.length), head);
    assertEquals(message.includes("\n"), false);
  }
});
