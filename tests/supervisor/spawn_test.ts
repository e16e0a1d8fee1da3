import { assertEquals, assertRejects } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import type { RuleView } from "../../lib/observe/rule_view.ts";
import type { UpstreamSource } from "../../lib/proxy/upstream/upstream_source.ts";
import { spawnChild } from "../../lib/supervisor/spawn.ts";
import { ROOT, testWith } from "../helpers/requires.ts";

const CONFIG: ServeConfig = {
  listen: [{ hostname: "127.0.0.1", port: 4000 }],
  listenAnywhere: false,
  upstream: { hostname: "127.0.0.1", port: 9 },
  regions: new Map([["us-east-1", "us-iso-east-1"]]),
  rewrite: "safe",
  timeoutMs: 1_000,
  cacheMs: 0,
  logLevel: "info",
  logFormat: "text",
};

/** Starts a shell script in the place of the child. */
function spawn(script: string, source?: UpstreamSource, rule?: RuleView) {
  return spawnChild(
    { path: "/bin/sh", args: ["-c", script], env: {}, reads: [] },
    { uid: 10_169, gid: 10_169 },
    CONFIG,
    { source, rule },
  );
}

const LISTENING =
  `echo '{"say":"listening","addresses":[{"hostname":"127.0.0.1","port":4000}]}'`;

testWith(
  [ROOT],
  "spawnChild() tells the configuration, hears that it listens and asks it to drain",
  async () => {
    const child = spawn(
      `read config; case $config in *us-iso-east-1*) ${LISTENING};; esac; read drain; [ "$drain" = '{"say":"drain","lingerMs":250}' ] && exit 7`,
    );
    assertEquals(await child.listening, CONFIG.listen);
    child.drain(250);
    assertEquals(await child.ended, "exit code 7");
    child.kill();
  },
);

testWith(
  [ROOT],
  "spawnChild() starts it as the user, without groups, variables or a folder of its own",
  async () => {
    const child = spawn(
      `read config; [ "$(id -u) $(id -g) $(id -G) $(pwd) $(env | grep -cv -e ^PWD= -e ^_= -e ^SHLVL=)" = "10169 10169 10169 / 0" ] && exit 7`,
    );
    await assertRejects(() => child.listening, Error, "exit code 7");
    assertEquals(await child.ended, "exit code 7");
  },
);

testWith([ROOT], "spawnChild() hands on why it cannot listen", async () => {
  const child = spawn(`echo '{"say":"failed","reason":"no such address"}'`);
  await assertRejects(() => child.listening, Error, "no such address");
  await child.ended;
});

for (
  const [what, nonsense] of Object.entries({
    "no JSON": "echo nonsense",
    "a line without an end": "tr '\\0' x < /dev/zero",
  })
) {
  testWith([ROOT], `spawnChild() ends it when it says ${what}`, async () => {
    const child = spawn(`${LISTENING}; read config; ${nonsense}; sleep 60`);
    await child.listening;
    assertEquals(await child.ended, "signal SIGKILL");
  });
}

testWith(
  [ROOT],
  "spawnChild() ends it when it says that it listens where it was not told to",
  async () => {
    const child = spawn(`${LISTENING.replace("4000", "22")}; sleep 60`);
    await assertRejects(() => child.listening, Error, "talks nonsense");
    assertEquals(await child.ended, "signal SIGKILL");
  },
);

testWith(
  [ROOT],
  "spawnChild() hears that it is well, and nothing while it is stopped",
  async () => {
    const child = spawn(
      `${LISTENING}; read config; while read ping; do echo '{"say":"pong"}'; done`,
    );
    await child.listening;
    await child.answers();
    Deno.kill(child.pid, "SIGSTOP");
    let answered = false;
    const answer = child.answers().then(() => answered = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(answered, false);
    Deno.kill(child.pid, "SIGCONT");
    await answer;
    child.kill();
    assertEquals(await child.ended, "signal SIGKILL");
  },
);

testWith(
  [ROOT],
  "spawnChild() tells where the upstream is, and again when the child asks",
  async () => {
    const failures: string[] = [];
    const addresses = ["10.1.1.1", "10.1.1.2"];
    const child = spawn(
      `read config; read first
echo '{"say":"unreachable","address":{"hostname":"10.1.1.1","port":80}}'
read second
[ "$first" = '{"say":"upstream","news":{"address":{"hostname":"10.1.1.1","port":80}}}' ] &&
[ "$second" = '{"say":"upstream","news":{"address":{"hostname":"10.1.1.2","port":80}}}' ] && exit 7`,
      {
        moves: true,
        current: () =>
          Promise.resolve({
            hostname: addresses[failures.length] ?? "",
            port: 80,
          }),
        failed: ({ hostname }) => failures.push(hostname),
        close: () => {},
      },
    );
    assertEquals(await child.ended, "exit code 7");
    assertEquals(failures, ["10.1.1.1"]);
  },
);

testWith(
  [ROOT],
  "spawnChild() ends it when it asks about no address at all",
  async () => {
    const child = spawn(
      `read config; echo '{"say":"unreachable"}'; sleep 60`,
      {
        moves: true,
        current: () => Promise.resolve({ hostname: "10.1.1.1", port: 80 }),
        failed: ({ hostname }) => void hostname,
        close: () => {},
      },
    );
    assertEquals(await child.ended, "signal SIGKILL");
  },
);

/** A rule that was looked at so many times. */
class CountedRule implements RuleView {
  readonly tally = { repairs: 3, failures: 1 };
  looks = 0;
  readonly answer = Promise.withResolvers<string | undefined>();

  fault(): Promise<string | undefined> {
    this.looks++;
    return this.answer.promise;
  }
}

testWith(
  [ROOT],
  "spawnChild() tells what has happened to the rule, at the start and with every question",
  async () => {
    const child = spawn(
      `read config; case $config in *'"rule":{"repairs":3,"failures":1}}') ${LISTENING};; esac
read ping; [ "$ping" = '{"say":"ping","rule":{"repairs":3,"failures":1}}' ] && exit 7`,
      undefined,
      new CountedRule(),
    );
    await child.listening;
    child.answers();
    assertEquals(await child.ended, "exit code 7");
  },
);

testWith(
  [ROOT],
  "spawnChild() looks at the rule when the child asks, once at a time however often it does",
  async () => {
    const rule = new CountedRule();
    const child = spawn(
      `read config; for i in 1 2 3 4 5; do echo '{"say":"look"}'; done; ${LISTENING}; read answer
[ "$answer" = '{"say":"rule","fault":"absent"}' ] && exit 7`,
      undefined,
      rule,
    );
    await child.listening;
    rule.answer.resolve("absent");
    assertEquals(await child.ended, "exit code 7");
    assertEquals(rule.looks, 1);
  },
);

testWith(
  [ROOT],
  "spawnChild() answers nothing about a rule where there is none",
  async () => {
    const child = spawn(
      `read config; echo '{"say":"look"}'; ${LISTENING}; read ping; [ "$ping" = '{"say":"ping"}' ] && exit 7`,
    );
    await child.listening;
    child.answers();
    assertEquals(await child.ended, "exit code 7");
  },
);

testWith(
  [ROOT],
  "spawnChild() tells nothing to a child that has rights beyond its user's",
  async () => {
    const told = await Deno.makeTempFile();
    try {
      const child = spawnChild(
        {
          path: "/usr/bin/env",
          args: ["sh", "-c", `cat > ${told}; sleep 60`],
          env: {},
          reads: [],
        },
        { uid: 0, gid: 10_169 },
        CONFIG,
      );
      await assertRejects(
        () => child.listening,
        Error,
        "The proxy has rights beyond those of uid 0: CapPrm ",
      );
      assertEquals(await child.ended, "signal SIGKILL");
      assertEquals(await Deno.readTextFile(told), "");
    } finally {
      await Deno.remove(told);
    }
  },
);
