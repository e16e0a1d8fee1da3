import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemRunner } from "../../lib/system/runner.ts";
import { startLoad, type Tally } from "../helpers/load.ts";
import {
  ALL_BACKENDS,
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  REAL,
} from "../helpers/node.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";

/** Nobody was refused, no answer was lost, and nothing else was answered. */
function assertWhole(tally: Tally): void {
  const others = Object.keys(tally).filter((what) =>
    what !== EMULATED && what !== REAL
  );
  assertEquals(others, [], JSON.stringify(tally));
  assert((tally[EMULATED] ?? 0) > 100, JSON.stringify(tally));
  assert((tally[REAL] ?? 0) > 0, JSON.stringify(tally));
}

async function kill(...args: string[]): Promise<void> {
  const result = await systemRunner(["kill", ...args]);
  assert(typeof result !== "string" && result.code === 0);
}

/** Who gets the signal. */
const WAYS: Readonly<
  Record<string, (program: RunningProgram) => Promise<unknown>>
> = {
  "to the parent": ({ pid }) => kill("-TERM", String(pid)),
  "to the process group": ({ pid }) => kill("-TERM", "--", `-${pid}`),
  "to parent and child": async (program) => {
    const child = await childOf(program);
    await kill("-TERM", String(child), String(program.pid));
  },
  "twice to the child, as a bystander": async (program) => {
    const child = String(await childOf(program));
    await kill("-TERM", child);
    await kill("-INT", child);
    await kill("-HUP", child);
    await kill("-INT", String(program.pid));
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  testWith(NODE_NEEDS)(
    `serve --iptables loses no request when SIGTERM goes ${way}`,
    async () => {
      const index = Object.keys(WAYS).indexOf(way);
      const backend = ALL_BACKENDS[index % ALL_BACKENDS.length];
      await using node = await createNode(backend);
      const before = await node.rules();
      await using program = await node.start(
        `serve --iptables --backend=${backend}`,
        {},
        "setsid",
      );
      const load = await startLoad(node.namespace, 12);
      await load.hundred(2);
      await send(program);
      const { code, stderr } = await program.result;
      await load.sees(REAL);
      assertWhole(await load.count());
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /info stopped\n$/);
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve --iptables --on-stop keep leaves the rule as it is, and the next one takes it over",
  async () => {
    await using node = await createNode();
    await using program = await node.start("serve --iptables --on-stop keep");
    const before = await node.rules();
    // They mean nothing to it, nor to the child.
    await kill("-USR1", String(program.pid), String(await childOf(program)));
    await kill("-USR2", String(program.pid), String(await childOf(program)));
    await program.logged(/info ignoring a signal signal=SIGUSR2/);
    assertEquals(await node.see(0), EMULATED);
    assertEquals((await program.stop("SIGQUIT")).code, 0);
    assertEquals(await node.rules(), before);
    assertEquals(await node.see(0), "refused");
    await using next = await node.start("serve --iptables");
    assertEquals(next.url, "http://127.0.0.1:4000");
    assertEquals(await node.rules(), before);
    assertEquals(await node.see(0), EMULATED);
  },
);

/** An iptables that does what a file says, as a script around the real one. */
async function wrapIptables(): Promise<
  { path: string; mode(what: string): Promise<void> } & AsyncDisposable
> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-" });
  const mode = (what: string) => Deno.writeTextFile(`${folder}/mode`, what);
  await mode("works");
  const suffixes = ["", "-save", "-restore"];
  for (
    const name of ["iptables-nft", "ip6tables-nft"].flatMap((it) =>
      suffixes.map((suffix) => it + suffix)
    )
  ) {
    await Deno.writeTextFile(
      `${folder}/${name}`,
      `#!/bin/sh
case $(cat ${folder}/mode) in
  hangs) sleep 6117; exit 1;;
  fails) echo "it is broken" >&2; exit 4;;
esac
PATH=/usr/sbin:/usr/bin:/sbin:/bin ${name} "$@"
`,
      { mode: 0o755 },
    );
  }
  return {
    path: `PATH=${folder}:${Deno.env.get("PATH")}`,
    mode,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const STANDS =
  /error the rule still stands, c2s-imds iptables remove takes it away\n.*info stopped\n$/s;

testWith(NODE_NEEDS)(
  "serve --iptables ends with 1 and says so when it cannot remove the rule, and at a second signal when iptables hangs",
  async () => {
    await using node = await createNode();
    await using iptables = await wrapIptables();
    const before = await node.rules();
    const start = () =>
      node.start("serve --iptables", {}, "/usr/bin/env", iptables.path);
    {
      await using program = await start();
      await iptables.mode("fails");
      const { code, stderr } = await program.stop();
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /error cannot remove the rule /);
      assertMatch(stderr, STANDS);
    }
    await iptables.mode("works");
    await using program = await start();
    await iptables.mode("hangs");
    program.signal("SIGTERM");
    await program.logged(/info stopping/);
    // Sooner, it would be the same signal.
    await new Promise((resolve) => setTimeout(resolve, 300));
    program.signal("SIGTERM");
    const { code, stderr } = await program.result;
    // It waited for no command's own limit, and left none behind.
    assertEquals(stderr.match(/did not end in time/g), null, stderr);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, STANDS);
    const left = await systemRunner([
      ...["sh", "-c"] as const,
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '",
    ]);
    assert(typeof left !== "string");
    assertEquals(left.stdout.includes("sleep 6117"), false);
    assertEquals((await node.run("iptables remove")).code, 0);
    assertEquals(await node.rules(), before);
  },
);
