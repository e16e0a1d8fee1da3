/**
 * Others flush tables while `serve` keeps its rule there: what clients see
 * until it is put back.
 */
import { assert, assertEquals } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
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

const installed = installedForFile();

/**
 * It is put back within a second; the rest is for a machine that is busy with
 * other tests.
 */
const LONGEST_MS = 5_000;

const WATCHER = `
import http.client, sys, time
last = None
while True:
    connection = http.client.HTTPConnection("169.254.169.254", timeout=5)
    try:
        connection.request("GET", sys.argv[1])
        seen = connection.getresponse().read().decode()
    except OSError:
        seen = "refused"
    connection.close()
    if seen != last:
        print(round(time.monotonic() * 1000), seen, flush=True)
        last = seen
    time.sleep(0.002)
`;

/** A client that writes what it sees, whenever that changes. */
async function startWatcher(namespace: Namespace): Promise<Spawned> {
  const argv = ["setpriv", "--reuid=1000", "--clear-groups"];
  const watcher = namespace.spawn([
    ...argv,
    ...["/usr/bin/python3", "-c", WATCHER, REGION],
  ]);
  await watcher.shows(new RegExp(`${EMULATED}\n`));
  return watcher;
}

/** For how long each thing was seen, in milliseconds. */
function durations(written: string): ReadonlyMap<string, number> {
  const seen = written.trim().split("\n").map((line) => line.split(" "));
  const totals = new Map<string, number>();
  for (const [i, [since = "", what = ""]] of seen.entries()) {
    const [end = since] = seen[i + 1] ?? [];
    totals.set(what, (totals.get(what) ?? 0) + Number(end) - Number(since));
  }
  return totals;
}

/** What others do, and whether that opens the way to the real service. */
const FLUSHES: readonly {
  readonly what: string;
  readonly commands: readonly string[];
  readonly opens: boolean;
}[] = [
  { what: "the nat table", commands: ["IPTABLES -t nat -F"], opens: false },
  { what: "the filter table", commands: ["IPTABLES -F"], opens: false },
  {
    what: "both tables",
    commands: ["IPTABLES -F", "IPTABLES -t nat -F"],
    opens: true,
  },
  {
    what: "both tables by a restore of what was saved before",
    commands: ["IPTABLES-restore /tmp/saved"],
    opens: true,
  },
  {
    what: "our chains alone",
    commands: ["IPTABLES -F C2S-IMDS", "IPTABLES -t nat -F C2S-IMDS"],
    opens: true,
  },
  { what: "the ruleset of nft", commands: ["nft flush ruleset"], opens: true },
];

/** The lines of rules that are ours; tables come in no certain order. */
async function ownRules(node: TestNode): Promise<string> {
  const lines = (await node.rules()).split("\n");
  return lines.filter((line) => /c2s-imds/i.test(line)).sort().join("\n");
}

for (const backend of ALL_BACKENDS) {
  for (const { what, commands, opens } of FLUSHES) {
    const isNative = commands[0]?.startsWith("nft") ?? false;
    if (isNative ? backend === "legacy" : backend === "nftables") continue;
    testWith(NODE_NEEDS)(
      `serve --iptables puts its rule back when others flush ${what} (${backend})`,
      async () => {
        await using node = await createNode(await installed(), backend);
        const saved = await Deno.makeTempFile();
        try {
          const run = (command: string) =>
            node.namespace.must([
              "sh",
              "-c",
              command.replace("IPTABLES", `iptables-${backend}`)
                .replace("/tmp/saved", saved),
            ]);
          if (backend !== "nftables") {
            await run(`IPTABLES-save > /tmp/saved`);
          }
          await using program = await node.start(
            `serve --iptables --backend=${backend}`,
          );
          const rules = await ownRules(node);
          const watcher = await startWatcher(node.namespace);
          // The first look is one at everything, those after it are quick.
          for (let time = 1; time <= 2; time++) {
            for (const command of commands) await run(command);
            await until(
              "the rule is back",
              async () => await ownRules(node) === rules,
            );
            await program.logged(
              new RegExp(`(?:warn the rule was put back was=[^]*){${time}}`),
            );
          }
          assertEquals(await node.see(0), EMULATED);
          await watcher.shows(new RegExp(`${EMULATED}\n$`));
          await watcher.kill();
          const { [REAL]: real = 0, ...others } = Object.fromEntries(
            durations(watcher.stdout()),
          );
          assert(real <= (opens ? 2 * LONGEST_MS : 0), `${real} ms of ${REAL}`);
          const seen = Object.keys(others).sort();
          assertEquals(seen.filter((it) => it !== "refused"), [EMULATED]);
          assertEquals((await program.stop()).code, 0);
        } finally {
          await Deno.remove(saved);
        }
      },
    );
  }
}
