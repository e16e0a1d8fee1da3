/**
 * Does with the units of a node what systemd would do at boot: their commands
 * in order, again where `Restart=` says so, and the readers behind the gate.
 *
 * @module
 */
import { plainRunner } from "./plain_runner.ts";
import type { FakePodman } from "./fake_podman.ts";
import type { Spawned } from "./namespace.ts";
import type { TestNode } from "./node.ts";
import { type IgnitionUnit, parseUnit, valuesOf } from "./units.ts";

/** A boot that goes on. */
export interface Boot extends AsyncDisposable {
  /** Settles when the gate is open. */
  readonly opened: Promise<void>;
  /** Whether it is open. */
  isOpen(): boolean;
  /** What a client that nothing holds back saw so far, repeats left out. */
  seen(): readonly string[];
  /** Stops the proxy's unit as `systemctl stop` does. */
  stop(): Promise<void>;
  /** Starts it again. */
  start(): void;
  /** Runs one line of shell as root of the node, which must succeed. */
  shell(line: string): Promise<void>;
}

/** The gate's file name. */
const GATE = "c2s-imds-gate.service";

/** The wait before a unit is started again; shorter than RestartSec=. */
const RESTART_MS = 200;

/** A client in a hurry: curl says 7 when it is refused. */
const CLIENT = `while :; do
  curl --silent --max-time 30 http://169.254.169.254/latest/meta-data/placement/region || printf %s "curl $?"
  echo
  /bin/sleep 0.01
done`;

/**
 * Boots: the proxy's unit and the gate start at once, as nothing orders them.
 *
 * @param node where
 * @param podman in the place of Podman
 * @param units the units of the machine config
 */
export function boot(
  node: TestNode,
  podman: FakePodman,
  units: readonly IgnitionUnit[],
): Boot {
  const started = new Set<Spawned>();
  const spawn = (line: string) => {
    const script = line.replaceAll("/usr/bin/podman", "podman")
      .replaceAll("/run/", `${podman.run}/`);
    // In a group of its own, so that nothing of it is left at the end.
    const spawned = node.namespace.spawn([
      ...[
        "setsid",
        "env",
        "-i",
        `PATH=${podman.bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
      ],
      // As EnvironmentFile= of a cluster behind a proxy gives it to a unit.
      "HTTPS_PROXY=http://127.0.0.1:9",
      ...["sh", "-c", `exec 2>>${podman.run}/log\n${script}`],
    ]);
    started.add(spawned);
    return spawned;
  };
  const run = async (line: string) => (await spawn(line).ended).code;
  const settings = (gate: boolean) =>
    parseUnit(
      units.find(({ name }) => (name === GATE) === gate)?.contents ?? "",
    );
  const [proxy, gate] = [settings(false), settings(true)];
  let stopping = false;
  let service = Promise.resolve();
  const serve = async () => {
    while (!stopping) {
      let code = 0;
      for (const key of ["ExecStartPre", "ExecStart"]) {
        const [line = ""] = valuesOf(proxy, `[Service] ${key}`);
        if (code === 0 && !stopping) code = await run(line);
      }
      if (!stopping) await new Promise((next) => setTimeout(next, RESTART_MS));
    }
  };
  const stop = async () => {
    stopping = true;
    await run(valuesOf(proxy, "[Service] ExecStop")[0] ?? "");
    await service;
  };
  const start = () => {
    stopping = false;
    service = serve();
  };
  let open = false;
  const client = spawn(CLIENT);
  start();
  const opened = run(valuesOf(gate, "[Service] ExecStart")[0] ?? "")
    .then((code) => {
      // A gate that failed holds nobody back any more.
      open = true;
      if (code !== 0) throw new Error(`The gate failed with code ${code}`);
    });
  opened.catch(() => {});
  return {
    opened,
    isOpen: () => open,
    seen: () =>
      client.stdout().split("\n").slice(0, -1)
        .filter((word, i, words) => word !== words[i - 1]),
    stop,
    start,
    async shell(line) {
      const code = await run(`unset HTTPS_PROXY; ${line}`);
      if (code !== 0) throw new Error(`Code ${code}: ${line}`);
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      for (const { pid } of started) {
        await plainRunner(["kill", "-KILL", "--", `-${pid}`]);
      }
      await Promise.all([service, ...[...started].map(({ ended }) => ended)]);
      await opened.catch(() => {});
    },
  };
}
