import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  findExemptProcesses,
  findManager,
  findStranger,
  readRule,
} from "../../lib/check/node_facts.ts";
import { DEFAULT_DESTINATION } from "../../lib/rule/rule.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";

const EXPECTED = {
  destination: DEFAULT_DESTINATION,
  proxyUid: 10_169,
  defaultPort: 4000,
  backend: "auto",
} as const;
const WELL = {
  backend: "nft",
  differences: [],
  unguarded: [],
  diversions: [],
} as const;

/** A machine where `c2s-imds iptables` ran once. */
async function after(line: string): Promise<Runner> {
  const { run } = createFakeIptables();
  assertEquals((await iptablesWith(run, line)).code, 0);
  return run;
}

/** A machine that has some programs, each of which says one thing. */
function machine(says: Readonly<Record<string, string>>): Runner {
  return ([name]) => {
    const stdout = says[name];
    return Promise.resolve(
      stdout === undefined ? "not found" : { code: 0, stdout, stderr: "" },
    );
  };
}

Deno.test("readRule() runs nothing when no rule can catch the address", async () => {
  const run: Runner = () => Promise.reject(new Error("Ran a command"));
  const rule = await readRule({ ...EXPECTED, destination: undefined }, run);
  assertEquals(rule, { state: "not needed" });
});

Deno.test("readRule() reads the port in the rule, and gives no command longer than two seconds", async () => {
  const limits = new Set<number | undefined>();
  const run = await after("install --port 4100");
  const rule = await readRule(EXPECTED, (argv, options) => {
    limits.add(options?.timeoutMs);
    return run(argv, options);
  });
  assertEquals(rule, { state: "installed", ...WELL, port: 4100 });
  assertEquals(limits, new Set([2_000]));
  assertEquals(await readRule(EXPECTED, createFakeIptables().run), {
    state: "absent",
    ...WELL,
    port: 4000,
  });
});

Deno.test("readRule() cannot tell without programs, or of another backend", async () => {
  for (
    const [run, backend, reason] of [
      [await after("install"), "legacy", /legacy/],
      [machine({}), "auto", /neither iptables nor nft is/],
    ] as const
  ) {
    const rule = await readRule({ ...EXPECTED, backend }, run);
    assert(rule.state === "unknown");
    assertMatch(rule.reason, reason);
  }
});

Deno.test("findStranger() names who listens at the proxy's port without being its user", async () => {
  const sockets = (uid: number) =>
    `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 1
`;
  const ss =
    'LISTEN 0 5 127.0.0.1:4000 0.0.0.0:* users:(("python3",pid=77,fd=3))\n';
  for (
    const [port, says, named] of [
      [4000, { cat: sockets(1000), ss }, "uid 1000, python3 (pid 77)"],
      [4000, { cat: sockets(1000) }, "uid 1000"],
      [4000, { cat: sockets(10_169), ss }, undefined],
      [4001, { cat: sockets(1000), ss }, undefined],
    ] as const
  ) assertEquals(await findStranger(port, 10_169, machine(says)), named);
});

Deno.test("findExemptProcesses() names processes of the proxy's user that are not the proxy", async () => {
  const listed = `    1     0 40 /sbin/init
   10     0 40 /usr/local/bin/c2s-imds serve --iptables
   11 10169 40 /proc/self/exe serve-child
   12 10169 40 /usr/local/bin/c2s-imds serve
   13 10169 40 curl http://169.254.169.254/
   14  1000 40 curl http://169.254.169.254/
   15 10169 41 pause, in another network namespace
`;
  const readlink = "net:[40]\n";
  for (
    const [says, named] of [
      [{ ps: listed, readlink }, ["curl (pid 13)"]],
      [
        { ps: "5 10169 40 a\n".repeat(9), readlink },
        Array(3).fill("a (pid 5)"),
      ],
      [{}, []],
    ] as const
  ) assertEquals(await findExemptProcesses(10_169, machine(says)), named);
});

Deno.test("findManager() tells a unit from a container, a pod and a start by hand", async () => {
  const loaded = { systemctl: "LoadState=loaded\n" };
  const podman = { container: "podman" };
  for (
    const [env, says, manager] of [
      [{}, loaded, "systemd"],
      [{}, { systemctl: "LoadState=not-found\n" }, "none"],
      [{}, {}, "none"],
      [podman, loaded, "container"],
      [{ ...podman, KUBERNETES_SERVICE_HOST: "10.0.0.1" }, loaded, "pod"],
    ] as const
  ) assertEquals(await findManager(env, machine(says)), manager);
});
