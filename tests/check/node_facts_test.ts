import { assertEquals, assertMatch } from "@std/assert";
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
const WELL = { backend: "nft", differences: [], unguarded: [] } as const;

/** A machine where `c2s-imds iptables` ran once. */
async function after(line: string) {
  const fake = createFakeIptables();
  assertEquals((await iptablesWith(fake.run, line)).code, 0);
  return fake;
}

/** A machine that has one program and says one thing. */
function saying(program: string, stdout: string): Runner {
  return ([name]) =>
    Promise.resolve(
      name === program ? { code: 0, stdout, stderr: "" } : "not found",
    );
}

Deno.test("readRule() runs nothing when no rule can catch the address", async () => {
  const run: Runner = () => Promise.reject(new Error("Ran a command"));
  const rule = await readRule({ ...EXPECTED, destination: undefined }, run);
  assertEquals(rule, { state: "not needed" });
});

Deno.test("readRule() reads the port in the rule, and gives no command longer than two seconds", async () => {
  const limits = new Set<number | undefined>();
  const { run } = await after("install --port 4100");
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

Deno.test("readRule() tells what differs, and cannot tell without programs or of another backend", async () => {
  const bare = await after("install");
  bare.filter = { output: [], chain: undefined };
  const shadowed = await after("install");
  shadowed.nat.output.unshift("-p tcp -j DNAT --to-destination 10.0.0.1:80");
  const none: Runner = () => Promise.resolve("not found");
  for (
    const [run, backend, state, text] of [
      [bare.run, "auto", "drift", /the guard is missing/],
      [
        shadowed.run,
        "auto",
        "drift",
        /10\.0\.0\.1:80\\" stands before the jump/,
      ],
      [shadowed.run, "legacy", "unknown", /legacy/],
      [none, "auto", "unknown", /neither iptables nor nft is/],
    ] as const
  ) {
    const rule = await readRule({ ...EXPECTED, backend }, run);
    assertEquals(rule.state, state);
    assertMatch(JSON.stringify(rule), text);
  }
});

Deno.test("findStranger() names who listens at the proxy's port without being its user", async () => {
  const sockets = (uid: number) =>
    `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 1
`;
  const LISTED =
    'LISTEN 0 5 127.0.0.1:4000 0.0.0.0:* users:(("python3",pid=77,fd=3))\n';
  for (
    const [port, uid, ss, named] of [
      [4000, 1000, LISTED, "uid 1000, python3 (pid 77)"],
      [4000, 1000, "", "uid 1000"],
      [4000, 10_169, LISTED, undefined],
      [4001, 1000, LISTED, undefined],
    ] as const
  ) {
    const run: Runner = (argv) =>
      argv[0] === "cat"
        ? saying("cat", sockets(uid))(argv)
        : saying("ss", ss)(argv);
    assertEquals(await findStranger(port, 10_169, run), named);
  }
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
  const found = (text: string) =>
    findExemptProcesses(
      10_169,
      (argv) =>
        argv[0] === "ps"
          ? saying("ps", text)(argv)
          : saying("readlink", "net:[40]\n")(argv),
    );
  assertEquals(await found(listed), ["curl (pid 13)"]);
  assertEquals((await found("5 10169 40 a\n".repeat(9))).length, 3);
  assertEquals(await findExemptProcesses(10_169, saying("none", "")), []);
});

Deno.test("findManager() tells a unit from a container, a pod and a start by hand", async () => {
  const loaded = saying("systemctl", "LoadState=loaded\n");
  const podman = { container: "podman" };
  for (
    const [env, run, manager] of [
      [{}, loaded, "systemd"],
      [{}, saying("systemctl", "LoadState=not-found\n"), "none"],
      [{}, saying("none", ""), "none"],
      [podman, loaded, "container"],
      [{ ...podman, KUBERNETES_SERVICE_HOST: "10.0.0.1" }, loaded, "pod"],
    ] as const
  ) assertEquals(await findManager(env, run), manager);
});
