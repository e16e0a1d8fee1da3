import { assertEquals } from "@std/assert";
import {
  nameOf,
  ownersIn,
  socketOwners,
} from "../../lib/system/socket_owners.ts";
import { systemRunner } from "../../lib/system/system_runner.ts";

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
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:9C45 0000000000000000FFFF00000100007F:0FA0 01 00000000:00000000 00:00000000 00000000  1003        0 107 1
   1: 00000000000000000000000001000000:9C46 00000000000000000000000001000000:0FA0 01 00000000:00000000 00:00000000 00000000  1004        0 108 1
   2: C20E00FD000000000000000005000000:9C47 C20E00FD000000000000000054020000:0050 01 00000000:00000000 00:00000000 00000000  1005        0 109 1
`;

const SERVERS = [
  { hostname: "127.0.0.1", port: 4000 },
  { hostname: "::1", port: 4000 },
  { hostname: "169.254.169.254", port: 80 },
  { hostname: "fd00:ec2::254", port: 80 },
];

const CASES: ReadonlyArray<
  readonly [name: string, hostname: string, port: number, uid?: number]
> = [
  ["who asks the listener", "127.0.0.1", 40_001, 1001],
  ["who was redirected, whose port root uses, too", "10.0.0.5", 40_002, 1002],
  ["who has closed its socket, which is then root's", "127.0.0.1", 40_003],
  ["root", "127.0.0.1", 40_004, 0],
  ["who asks IPv4 with an IPv6 socket", "127.0.0.1", 40_005, 1003],
  ["who asks over IPv6", "::1", 40_006, 1004],
  ["who was redirected over IPv6", "fd00:ec2::5", 40_007, 1005],
  ["who is not there", "127.0.0.1", 40_008],
  ["who has that port at another address", "10.0.0.5", 40_001],
];

Deno.test("ownersIn() finds who holds the client's end of a connection", () => {
  const owners = ownersIn(TABLE, SERVERS);
  for (const [name, hostname, port, uid] of CASES) {
    assertEquals(owners.get(nameOf({ hostname, port })), uid, name);
  }
});

Deno.test("ownersIn() takes every address of the node for that of a listener on all", () => {
  const any = (port: number) => ownersIn(TABLE, [{ hostname: "::", port }]);
  const client = nameOf({ hostname: "10.0.0.5", port: 40_002 });
  assertEquals(any(80).get(client), 1002);
  assertEquals(any(4000).get(client), undefined);
});

Deno.test("socketOwners() finds this process in the kernel's own table", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using listener = Deno.listen({ hostname, port: 0 });
    const server = listener.addr as Deno.NetAddr;
    using client = await Deno.connect({ hostname, port: server.port });
    using _accepted = await listener.accept();
    const owners = await socketOwners(systemRunner)([server]);
    const name = nameOf(client.localAddr as Deno.NetAddr);
    assertEquals([...owners ?? []], [[name, Deno.uid()]]);
  }
});

Deno.test("socketOwners() knows nothing where the table cannot be read", async () => {
  const none = { code: 1, stdout: "", stderr: "" };
  for (const result of ["not found", "timeout", none] as const) {
    const owners = socketOwners(() => Promise.resolve(result));
    assertEquals(await owners(SERVERS), undefined);
  }
});
