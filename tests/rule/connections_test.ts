import { assertEquals } from "@std/assert";
import {
  directConnections,
  findDirectClients,
  parseConnections,
  parseProcesses,
} from "../../lib/rule/connections.ts";
import { DEFAULT_DESTINATION, DESTINATION_IPV6 } from "../../lib/rule/rule.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/** As /proc/net/tcp has it: address and port in hexadecimal, state, uid. */
function line(local: string, remote: string, state: string, uid: number) {
  return `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0000000000000000 20 4 30 10 -1\n`;
}

const NODE = "0708090A"; // 10.9.8.7
const SERVICE = "FEA9FEA9:0050"; // 169.254.169.254:80
const PROXY = "0100007F:0FA0"; // 127.0.0.1:4000
const MAPPED = "0000000000000000FFFF0000";

const TABLES = HEAD +
  line(`${NODE}:9C40`, SERVICE, "01", 1000) +
  line(`${NODE}:9C41`, SERVICE, "01", 1000) +
  line(PROXY, `${NODE}:9C41`, "01", 10_169) +
  line(`${NODE}:9C42`, SERVICE, "01", 10_169) +
  line(`${NODE}:9C43`, SERVICE, "08", 0) +
  line(`${NODE}:9C44`, "FEA9FEA9:0051", "01", 0) +
  line(PROXY, "00000000:0000", "0A", 10_169) +
  HEAD +
  line(`${MAPPED}${NODE}:9C45`, `${MAPPED}${SERVICE}`, "01", 0) +
  line(
    "000000FD000000000000000001000000:9C46",
    "C20E00FD000000000000000054020000:0050",
    "01",
    5,
  );

Deno.test("parseConnections() reads established connections of both families", () => {
  const connections = parseConnections(TABLES);
  assertEquals(connections[0], {
    local: "10.9.8.7",
    localPort: 40_000,
    remote: "169.254.169.254",
    remotePort: 80,
    uid: 1000,
  });
  assertEquals(connections.length, 7);
  assertEquals(connections.at(-2)?.remote, "169.254.169.254");
  assertEquals(parseConnections(""), []);
});

Deno.test("directConnections() leaves out the redirected, the proxy's and others", () => {
  const found = directConnections(
    parseConnections(TABLES),
    [DEFAULT_DESTINATION, DESTINATION_IPV6],
    10_169,
  );
  assertEquals(found.map(({ localPort }) => localPort), [
    40_000,
    40_005,
    40_006,
  ]);
});

Deno.test("parseProcesses() reads names and numbers by the process's own end", () => {
  const processes = parseProcesses(
    `ESTAB 0 0 10.9.8.7:40000 169.254.169.254:80 users:(("curl",pid=7,fd=5))
ESTAB 0 0 [::ffff:10.9.8.7]:40005 [::ffff:169.254.169.254]:80 users:(("java",pid=8,fd=5),("java",pid=9,fd=5))
ESTAB 0 0 10.9.8.7%eth0:1 1.1.1.1:80
`,
  );
  assertEquals(processes.get("10.9.8.7 40000"), ["curl (7)"]);
  assertEquals(processes.get("10.9.8.7 40005"), ["java (8)", "java (9)"]);
  assertEquals(processes.size, 2);
});

Deno.test("findDirectClients() tells uids where ss is missing", async () => {
  const clients = await findDirectClients(
    [DEFAULT_DESTINATION],
    10_169,
    ([name]) =>
      Promise.resolve(
        name === "cat"
          ? { code: 0, stdout: TABLES, stderr: "" }
          : "not found" as const,
      ),
  );
  assertEquals(clients.map(({ uid, processes }) => [uid, processes]), [
    [1000, []],
    [0, []],
  ]);
});
