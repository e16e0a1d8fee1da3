import { assertEquals, assertRejects } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
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
function spawn(script: string) {
  return spawnChild(
    { path: "/bin/sh", args: ["-c", script], env: {}, reads: [] },
    { uid: 10_169, gid: 10_169 },
    CONFIG,
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
