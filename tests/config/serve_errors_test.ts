import { assertEquals, assertThrows } from "@std/assert";
import { quote, UsageError } from "../../lib/cli/message.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";

/** What is given: flags, variables, the text of `c.yaml`. */
interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly yaml?: string;
}

/** The line that says what is wrong. */
function refusal({ args = [], env = {}, yaml }: Given): string {
  const { message } = assertThrows(
    () =>
      readServeConfig(
        yaml === undefined ? args : [...args, "--config=c.yaml"],
        env,
        (path) => {
          if (path === "c.yaml") return yaml ?? "";
          if (path === "secret.yaml") throw new Deno.errors.PermissionDenied();
          const at = path === "folder" ? "." : path;
          return Deno.readTextFileSync(new URL(at, import.meta.url));
        },
      ),
    UsageError,
  );
  return message;
}

const IP = "an IP address before the port, such as 127.0.0.1 or [::1]";
const URL_FORM = "http://HOST[:PORT] without user, path or query";
const REAL = `a real region, such as us-east-1 or us-gov-west-1, before "="`;
const INTERFACE = "the name of an interface, up to 15 characters, such as eth0";

/** What is expected, and flags whose values are refused for that alone. */
const VALUES: readonly (readonly [expected: string, ...flags: string[]])[] = [
  [
    "HOST:PORT, such as 127.0.0.1:4000 or [::1]:4000",
    "--listen=4000",
    "--admin=4001",
  ],
  [
    IP,
    "--listen=::1:4000",
    "--listen=[fe80::1%lo]:4000",
    "--listen=node.example:4000",
    "--listen=localhost:4000",
    "--listen=1:4000",
  ],
  [
    "a port from 0 to 65535",
    ...["", "x", "65536", "-1", "1.5", "0x10", "04000", " 4000", "1\r\nX: y"]
      .map((port) => `--listen=127.0.0.1:${port}`),
  ],
  [
    "a loopback address, or --listen-anywhere beside it",
    "--listen=0.0.0.0:4000",
    "--listen=[::ffff:127.0.0.1]:4000",
    "--listen=169.254.169.254:39724",
  ],
  [
    "a loopback address",
    ...["0.0.0.0", "10.0.0.1", "[::]", "169.254.169.254"]
      .map((host) => `--admin=${host}:4001`),
  ],
  ["another port than the proxy's own", "--admin=127.0.0.1:4000"],
  [
    "another address than the proxy's own",
    "--upstream=http://127.0.0.1:4000",
  ],
  [
    URL_FORM,
    "--upstream=169.254.169.254",
    "--upstream=https://169.254.169.254",
    "--upstream=http://",
    "--upstream=http://host/latest",
    "--upstream=http://host//",
    "--upstream=http://host?x",
    "--upstream=http://host/?x",
    "--upstream=http://host#x",
    "--upstream=http://::1",
    "--upstream=cloudstack",
  ],
  [
    "a host name or IP address after http://",
    "--upstream=http://256.1.1.1",
    "--upstream=http://1",
    "--upstream=http://0x7f.1",
    "--upstream=http://a..b",
    "--upstream=http://-a",
    "--upstream=http://a b",
    "--upstream=http://[::g]",
    "--upstream=http://[127.0.0.1]",
    "--upstream=http://h\u{f6}st",
  ],
  [
    "a port from 1 to 65535",
    ...["", "0", "65536", "x", "80:80", "80\r\nX: y"]
      .map((port) => `--upstream=http://host:${port}`),
  ],
  [
    INTERFACE,
    ...["", ".", "..", "eth0/x", "eth0:1", "eth 0", "sixteen-letters0", "\xe9"]
      .map((name) => `--upstream=cloudstack:${name}`),
  ],
  ["REAL=EMULATED or none", "--region=us-east-1"],
  [
    REAL,
    ...["", "us-esat-1", "latest", "us east", "us-east-1a", "us-east-1\r\nX: y"]
      .map((real) => `--region=${real}=us-east-2`),
  ],
  [
    `a region name after "="`,
    "--region=us-east-1=",
    "--region=us-east-1=b=c",
    "--region=us-east-1=us-iso-east-1\r\nX: y",
  ],
  ["two different regions", "--region=us-east-1=us-east-1"],
  [
    "one of safe, all",
    "--rewrite=most",
  ],
  [
    "seconds from 0.001 to 3600",
    ...["0", "0.0001", "3600.1", "-1", "5s", "1e3", ".5", "0x5", "Infinity"]
      .map((seconds) => `--timeout=${seconds}`),
  ],
  ["seconds from 0 to 3600", "--cache=soon"],
  ["one of debug, info, warn, error", "--log-level=trace"],
  [
    "a user's name or a uid from 1 to 4294967294",
    ...["010", "000", "-1", "4294967295", "a b"].map((it) => `--user=${it}`),
  ],
  ["no value, true or false", "--listen-anywhere=maybe"],
  ["SECONDS", "--timeout="],
];

Deno.test("readServeConfig() says what it expects of a flag", () => {
  for (const [expected, ...flags] of VALUES) {
    for (const flag of flags) {
      const [, name, value = ""] = flag.match(/^(--.*?)=(.*)$/s) ?? [];
      assertEquals(
        refusal({ args: [flag] }),
        `Cannot use ${quote(value)} for ${name}: expected ${expected}`,
      );
    }
  }
});

const LOOPBACK = "expected a loopback address, or --listen-anywhere beside it";
const CHAIN =
  `Cannot use "us-east-1=us-east-2" for --region: expected no chain, but another map starts at "us-east-2"`;
const ROOT =
  "uid 0 would exempt every client that runs as root, name the proxy's own user";

/** Flags, and the whole message. */
const FLAGS: Readonly<Record<string, string>> = {
  "--timeot 4": `Unknown option "--timeot": did you mean "--timeout"?`,
  "--emulated-region=x":
    `Unknown option "--emulated-region": did you mean "--emulatedRegion"?`,
  "--frob": `Unknown option "--frob": see --help`,
  "--constructor": `Unknown option "--constructor": see --help`,
  "-p": `Unknown option "-p": see --help`,
  "--timeout -1": `Unknown option "-1": see --help`,
  "--no-timeout": `Unknown option "--no-timeout": did you mean "--timeout"?`,
  "now": `Unexpected argument "now": see --help`,
  "-- --timeout 1": `Unexpected argument "--timeout": see --help`,
  "--timeout 1 --timeout=2": "Cannot use --timeout 2 times: expected it once",
  // What cannot hold together.
  "--listen-anywhere --listen=0.0.0.0:4001 --admin=127.0.0.1:4001":
    `Cannot use "127.0.0.1:4001" for --admin: expected another port than the proxy's own`,
  "--listen [::1]:4000 --listen [0:0:0:0:0:0:0:1]:4000":
    `Cannot use "[0:0:0:0:0:0:0:1]:4000" for --listen: expected each address once`,
  "--address --listen=169.254.169.254:39724 --listen-anywhere":
    "Cannot use --address: expected another upstream beside it, 169.254.169.254 would be this node",
  "--upstream=cloudstack:eth0 --address":
    "Cannot use --address: expected --listen 169.254.169.254:PORT beside it",
  "--arp-ignore": "Cannot use --arp-ignore: expected --address beside it",
  "--region us-east-1=b --region us-east-1=b":
    `Cannot use "us-east-1=b" for --region: expected one map for each real region, "us-east-1" has two`,
  "--region=us-east-1=us-east-2 --region=us-east-2=c": CHAIN,
  "--region=us-east-2=c --region=us-east-1=us-east-2": CHAIN,
  "--region us-east-1=b --region none":
    `Cannot use "none" for --region: expected none to stand alone`,
  // A password belongs in no message.
  "--upstream http://user:secret@host":
    `Cannot use "http://…@host" for --upstream: expected ${URL_FORM}`,
  // The original's flags.
  "--port http":
    `Cannot use "127.0.0.1:http" for --port: expected a port from 0 to 65535`,
  "--port 4001 --listen 127.0.0.1:4000":
    "Cannot use --port beside --listen: expected one or the other",
  "--serverName=a --serverPort=1 --upstream=http://b":
    "Cannot use --serverName and --serverPort beside --upstream: expected one or the other",
  "--realRegion us-esat-1":
    `Cannot use "us-esat-1=us-iso-east-1" for --realRegion: expected ${REAL}`,
  "--user=0": `Cannot use "0" for --user: ${ROOT}`,
  "--config missing.yaml":
    `Cannot read configuration file "missing.yaml": no such file`,
  "--config secret.yaml":
    `Cannot read configuration file "secret.yaml": no permission`,
  "--config folder": `Cannot read configuration file "folder": it is a folder`,
};

/** A variable, and the whole message. */
const VARIABLES: Readonly<Record<string, string>> = {
  "C2S_IMDS_TIMEOUT=": `Cannot use "" for C2S_IMDS_TIMEOUT: expected SECONDS`,
  "C2S_IMDS_LISTEN= , ":
    `Cannot use "" for C2S_IMDS_LISTEN: expected HOST:PORT`,
  "C2S_IMDS_LISTEN=169.254.169.254:39724":
    `Cannot use "169.254.169.254:39724" for C2S_IMDS_LISTEN: ${LOOPBACK}`,
  "C2S_IMDS_LISTEN_ANYWHERE=yes":
    `Cannot use "yes" for C2S_IMDS_LISTEN_ANYWHERE: expected true or false`,
  "C2S_IMDS_ARP_IGNORE=1":
    "Cannot use C2S_IMDS_ARP_IGNORE: expected --address beside it",
  "C2S_IMDS_USER=root": `Cannot use "root" for C2S_IMDS_USER: ${ROOT}`,
  "C2S_IMDS_LOGLEVEL=info":
    `Unknown variable "C2S_IMDS_LOGLEVEL": did you mean "C2S_IMDS_LOG_LEVEL"?`,
  "C2S_IMDS_PORT=4000": `Unknown variable "C2S_IMDS_PORT": see --help`,
  "MDPROXY4CS_INAME=eth0:1":
    `Cannot use "eth0:1" for MDPROXY4CS_INAME: expected ${INTERFACE}`,
  "MDPROXY4CS_HTTP_LISTEN=:39724":
    `Cannot use ":39724" for MDPROXY4CS_HTTP_LISTEN: expected ${IP}`,
  "MDPROXY4CS_HTTP_LISTEN=0.0.0.0:39724":
    `Cannot use "0.0.0.0:39724" for MDPROXY4CS_HTTP_LISTEN: ${LOOPBACK}`,
  "MDPROXY4CS_LOG_LEVEL=loud":
    `Cannot use "loud" for MDPROXY4CS_LOG_LEVEL: expected one of debug, info, warn, error, trace, warning, fatal, panic`,
  "MDPROXY4CS_LOG_FILE=/var/log/x":
    `Cannot use "/var/log/x" for MDPROXY4CS_LOG_FILE: expected -, for the log goes to standard error`,
};

const LISTS =
  `for key "listen" in "c.yaml": expected HOST:PORT or a list of them`;
const SECONDS = `for key "timeout" in "c.yaml": expected SECONDS`;

/** The text of the file, and the whole message. */
const FILES: Readonly<Record<string, string>> = {
  "timeot: 4": `Unknown key "timeot" in "c.yaml": did you mean "timeout"?`,
  "config: x": `Unknown key "config" in "c.yaml": see --help`,
  "port: 4000": `Unknown key "port" in "c.yaml": see --help`,
  "- listen": `Cannot use a list for "c.yaml": expected a mapping`,
  "listen": `Cannot use a text for "c.yaml": expected a mapping`,
  "user: root": `Cannot use "root" for key "user" in "c.yaml": ${ROOT}`,
  "timeout: 0":
    `Cannot use "0" for key "timeout" in "c.yaml": expected seconds from 0.001 to 3600`,
  "timeout:": `Cannot use nothing ${SECONDS}`,
  "timeout: [5]": `Cannot use a list ${SECONDS}`,
  "timeout: true": `Cannot use true ${SECONDS}`,
  "timeout: 2001-01-01": `Cannot use a date ${SECONDS}`,
  "timeout: !!binary aGk=": `Cannot use binary data ${SECONDS}`,
  "listen: []": `Cannot use a list ${LISTS}`,
  "listen: [[127.0.0.1:1]]": `Cannot use a list ${LISTS}`,
  "listen: &own [*own]": `Cannot use a list ${LISTS}`,
  "listen: {a: null}": `Cannot use a mapping ${LISTS}`,
  "region: {us-east-1: us-east-2, us-east-2: x}": CHAIN.replace(
    "--region",
    `key "region" in "c.yaml"`,
  ),
  [`iptables: "true"`]:
    `Cannot use "true" for key "iptables" in "c.yaml": expected true or false without quotes`,
};

Deno.test("readServeConfig() says in one line what is wrong, and where", () => {
  for (const [line, message] of Object.entries(FLAGS)) {
    assertEquals(refusal({ args: line.split(" ") }), message);
  }
  for (const [variable, message] of Object.entries(VARIABLES)) {
    const [, name = "", value = ""] = variable.match(/^(.*?)=(.*)$/) ?? [];
    assertEquals(refusal({ env: { [name]: value } }), message);
  }
  for (const [yaml, message] of Object.entries(FILES)) {
    assertEquals(refusal({ yaml }), message);
  }
});
