/**
 * Others flush tables while `serve` keeps its rule there: what clients see
 * until it is put back.
 */
import { assertEquals } from "@std/assert";
import type { Namespace, Spawned } from "../helpers/namespace.ts";
import {
  ALL_BACKENDS,
  createNode,
  EMULATED,
  NODE_NEEDS,
  REAL,
  REGION,
  type TestNode,
  until,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const WATCHER = `
import http.client, sys, time
last = None
while True:
    connection = http.client.HTTPConnection("169.254.169.254", timeout=30)
    try:
        connection.request("GET", sys.argv[1])
        seen = connection.getresponse().read().decode()
    except OSError:
        seen = "refused"
    connection.close()
    if seen != last:
        print(seen, flush=True)
        last = seen
    time.sleep(0.01)
`;

/** A client that writes what it sees, whenever that changes. */
async function startWatcher(namespace: Namespace): Promise<Spawned> {
  const watcher = namespace.spawn([
    ...["setpriv", "--reuid=1000", "--clear-groups"],
    ...["/usr/bin/python3", "-c", WATCHER, REGION],
  ]);
  await watcher.shows(new RegExp(`${EMULATED}\n`));
  return watcher;
}

/** What others do, by what it empties, and what clients may see meanwhile. */
const FLUSHES: readonly [
  what: string,
  commands: readonly string[],
  meanwhile: readonly string[],
][] = [
  ["the nat table", ["IPTABLES -t nat -F"], ["refused"]],
  ["the filter table", ["IPTABLES -F"], []],
  ["both tables", ["IPTABLES -F", "IPTABLES -t nat -F"], ["refused", REAL]],
  [
    "both tables by a restore of what was saved before",
    ["IPTABLES-restore SAVED"],
    ["refused", REAL],
  ],
  [
    "our chains alone",
    ["IPTABLES -F C2S-IMDS", "IPTABLES -t nat -F C2S-IMDS"],
    ["refused", REAL],
  ],
  ["the ruleset of nft", ["nft flush ruleset"], ["refused", REAL]],
];

/** The lines of rules that are ours; tables come in no certain order. */
async function ownRules(node: TestNode): Promise<string> {
  const lines = (await node.rules()).split("\n");
  return lines.filter((line) => /c2s-imds/i.test(line)).sort().join("\n");
}

for (const backend of ALL_BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables puts its rule back when others flush (${backend})`,
    async (t) => {
      await using node = await createNode(backend);
      const saved = await Deno.makeTempFile();
      const run = (command: string) =>
        node.namespace.must([
          ...["sh", "-c"],
          command.replace("IPTABLES", `iptables-${backend}`)
            .replace("SAVED", saved),
        ]);
      if (backend !== "nftables") await run("IPTABLES-save > SAVED");
      await using program = await node.start(
        `serve --iptables --backend=${backend}`,
      );
      const rules = await ownRules(node);
      for (const [what, commands, meanwhile] of FLUSHES) {
        const isNative = what === "the ruleset of nft";
        if (isNative ? backend === "legacy" : backend === "nftables") continue;
        await t.step(what, async () => {
          const watcher = await startWatcher(node.namespace);
          for (const command of commands) await run(command);
          const isBack = async () => await ownRules(node) === rules;
          await until("the rule is back", isBack);
          await watcher.shows(new RegExp(`${EMULATED}\n$`));
          await watcher.kill();
          const seen = watcher.stdout().trim().split("\n");
          const others = seen.filter((it) =>
            it !== EMULATED && !meanwhile.includes(it)
          );
          assertEquals(others, []);
        });
      }
      await program.logged(/warn the rule was put back was=/);
      assertEquals((await program.stop()).code, 0);
      await Deno.remove(saved);
    },
  );
}
