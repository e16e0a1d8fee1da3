import { assertEquals } from "@std/assert";
import {
  listeningSockets,
  nameOf,
  readTcpSockets,
  socketOwners,
} from "../../lib/system/socket_owners.ts";
import { type Runner, systemRunner } from "../../lib/system/runner.ts";

/** As the kernel prints it, apart from what stands after the inode. */
const TABLE =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10169        0 101 1
   1: 0100007F:9C41 0100007F:0FA0 01 00000000:00000000 00:00000000 00000000  1001        0 102 1
   2: 0100007F:0FA0 0100007F:9C41 01 00000000:00000000 00:00000000 00000000 10169        0 103 1
   3: 0500000A:9C42 FEA9FEA9:0050 01 00000000:00000000 00:00000000 00000000  1002        0 104 1
   4: 0500000A:9C42 0800000A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 105 1
   5: 0100007F:9C43 0100007F:0FA0 05 00000000:00000000 00:00000000 00000000     0        0 0 1
   6: 0100007F:9C44 0100007F:0FA0 08 00000000:00000000 00:00000000 00000000     0        0 106 1
   7: 0500000A:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 110 1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:9C45 0000000000000000FFFF00000100007F:0FA0 01 00000000:00000000 00:00000000 00000000  1003        0 107 1
   1: 00000000000000000000000001000000:9C46 00000000000000000000000001000000:0FA0 01 00000000:00000000 00:00000000 00000000  1004        0 108 1
   2: C20E00FD000000000000000005000000:9C47 C20E00FD000000000000000054020000:0050 01 00000000:00000000 00:00000000 00000000  1005        0 109 1
   3: 00000000000000000000000000000000:0FA1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1006        0 111 1
`;

const SERVERS = [
  { hostname: "127.0.0.1", port: 4000 },
  { hostname: "::1", port: 4000 },
  { hostname: "169.254.169.254", port: 80 },
  { hostname: "fd00:ec2::254", port: 80 },
];

const run: Runner = () =>
  Promise.resolve({ code: 0, stdout: TABLE, stderr: "" });

Deno.test("socketOwners() finds who holds the client's end of a connection", async () => {
  const owners = await socketOwners(run)(SERVERS);
  for (
    const [name, hostname, port, uid] of [
      ["who asks the listener", "127.0.0.1", 40_001, 1001],
      ["whose port root uses for another", "10.0.0.5", 40_002, 1002],
      ["who has closed its socket", "127.0.0.1", 40_003, undefined],
      ["root", "127.0.0.1", 40_004, 0],
      ["who asks IPv4 with an IPv6 socket", "127.0.0.1", 40_005, 1003],
      ["who asks over IPv6", "::1", 40_006, 1004],
      ["who was redirected over IPv6", "fd00:ec2::5", 40_007, 1005],
      ["who is not there", "127.0.0.1", 40_008, undefined],
      ["that port at another address", "10.0.0.5", 40_001, undefined],
    ] as const
  ) assertEquals(owners?.get(nameOf({ hostname, port })), uid, name);
});

Deno.test("socketOwners() takes every address of the node for that of a listener on all", async () => {
  const client = nameOf({ hostname: "10.0.0.5", port: 40_002 });
  for (const [port, uid] of [[80, 1002], [4000, undefined]] as const) {
    const owners = await socketOwners(run)([{ hostname: "::", port }]);
    assertEquals(owners?.get(client), uid);
  }
});

Deno.test("listeningSockets() finds who listens on loopback or on all", async () => {
  const found = await listeningSockets(run);
  assertEquals(
    found?.map(({ local, localPort, uid }) => [local, localPort, uid]),
    [["127.0.0.1", 4000, 10_169], ["::", 4001, 1006]],
  );
});

Deno.test("readTcpSockets() finds this process in the kernel's own table", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using listener = Deno.listen({ hostname, port: 0 });
    const server = listener.addr as Deno.NetAddr;
    using client = await Deno.connect({ hostname, port: server.port });
    using _accepted = await listener.accept();
    const name = nameOf(client.localAddr as Deno.NetAddr);
    const owners = await socketOwners(systemRunner)([server]);
    assertEquals([...owners ?? []], [[name, Deno.uid()]]);
  }
});

Deno.test("readTcpSockets() knows nothing where the table cannot be read", async () => {
  const none = { code: 1, stdout: "", stderr: "" };
  for (const result of ["not found", "timeout", none] as const) {
    const sockets = await readTcpSockets(() => Promise.resolve(result));
    assertEquals(sockets, undefined);
  }
});
