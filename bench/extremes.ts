/**
 * What happens rarely on a node, or once: its boot, a crowd, the start.
 *
 * @module
 */
import { type Lab, memoryOf, processesOf, timeOf } from "./lab.ts";
import { Samples, type Section } from "./report.ts";
import {
  at,
  DIRECT,
  FAILED,
  type Field,
  IDLE,
  P50,
  P99,
  PEAK,
  type Plan,
  SERVICE,
  SIZE,
  START,
  start,
  startAll,
  UP,
  WORST,
} from "./sections.ts";

/** Long enough for a program to be idle after its start, in milliseconds. */
const SETTLE_MS = 2_000;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What clients ask for at boot; none of it is left as it is. */
const AT_BOOT = [
  "dynamic/instance-identity/document",
  ...[
    "placement/region",
    "placement/availability-zone",
    "placement/availability-zone-id",
    "instance-id",
    "instance-type",
    "ami-id",
    "mac",
    "services/domain",
  ].map((it) => `meta-data/${it}`),
].map((it) => `/latest/${it}`);

/** The packets a second that the service takes from an interface. */
const PACKETS = 1_024;

/** Fifty clients at once, nine requests each, one after the other. */
export async function bootStorm(
  lab: Lab,
  field: Field,
  { repeats }: Plan,
  limited: boolean,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const manner = { delay: "1ms", kind: "close" } as const;
  const running = await startAll(lab, stack, field, manner);
  if (limited) {
    await lab.namespace.must(
      ["nft", "-f", "-"],
      `table ip bench { chain out { type filter hook output priority 0;
        tcp dport ${SERVICE} limit rate over ${PACKETS}/second burst ${PACKETS} packets drop
      }
    }\n`,
    );
    stack.defer(async () => {
      await lab.namespace.must(["nft", "delete", "table", "ip", "bench"]);
    });
  }
  const samples = new Samples();
  for (let round = 0; round < repeats; round++) {
    for (const { name, address } of running) {
      // Nothing is in memory any more, and the limit is as before.
      await wait(1_100);
      const [it] = await lab.load(
        [
          ...["-n=450", "-c=50", "-each", "-fresh"],
          ...[`-targets=${AT_BOOT}`, `-service=${at(SERVICE)}`, "-count"],
        ],
        [address],
      );
      if (it === undefined) continue;
      samples.add(name, {
        [WORST]: it.max * 1e3,
        [P50]: it.p50 * 1e3,
        [UP]: it.up / 4.5,
        [FAILED]: it.failed,
      });
    }
  }
  return {
    title: limited
      ? `The same, beyond ${
        PACKETS.toLocaleString("en")
      } packets a second dropped`
      : "A boot: 50 clients at once, 9 requests each",
    about: limited
      ? "As the service does it: who is dropped tries again after a second."
      : `${repeats} rounds, a connection for each request, no tokens, the service
answers after 1 ms.`,
    rounds: samples.rounds,
    compared: [WORST],
    base: DIRECT,
  };
}

/** Each by itself: its start, and 1,000 clients at one time. */
export async function crowd(
  lab: Lab,
  field: Field,
  { repeats }: Plan,
): Promise<Section> {
  await using service = new AsyncDisposableStack();
  await startAll(lab, service, new Map(), { delay: "100us", kind: "close" });
  const samples = new Samples();
  for (let round = 0; round < repeats; round++) {
    for (const one of field) {
      await using stack = new AsyncDisposableStack();
      const it = await start(lab, stack, one);
      const [result] = await lab.load(["-n=10000", "-c=1000"], [it.address]);
      if (result === undefined) continue;
      const peaks = it.pids.map((pid) => memoryOf([pid], "VmHWM"));
      samples.add(it.name, {
        [START]: it.startMs,
        [P50]: result.p50 * 1e3,
        [P99]: result.p99 * 1e3,
        [FAILED]: result.failed,
        [PEAK]: Math.max(...await Promise.all(peaks)),
      });
    }
  }
  return {
    title: "1,000 connections",
    about: `${repeats} times 10,000 requests right after the start; the service
closes each connection after 100 µs.`,
    rounds: samples.rounds,
  };
}

/** Memory before, with and after 10,000 connections. */
export async function manyIdle(lab: Lab, field: Field): Promise<Section> {
  await using service = new AsyncDisposableStack();
  await startAll(lab, service, new Map(), { delay: "100us", kind: "close" });
  const samples = new Samples();
  for (const one of field) {
    await using stack = new AsyncDisposableStack();
    const { name, address, pids } = await start(lab, stack, one);
    await wait(SETTLE_MS);
    const before = await memoryOf(pids, "Pss");
    const clients = lab.namespace.spawn([
      `${lab.folder}/harness`,
      ...["load", "-n=100", "-c=100", "-rounds=100", "-hold", address],
    ]);
    await clients.shows(/\n/);
    const during = await memoryOf(pids, "Pss");
    await clients.kill();
    await wait(SETTLE_MS);
    samples.add(name, {
      [IDLE]: before,
      "MB with them": during,
      "MB after them": await memoryOf(pids, "Pss"),
    });
  }
  return {
    title: "10,000 idle connections",
    about: `Each asked once and stays. PSS of all processes, the last one
${SETTLE_MS / 1e3} s after they left.`,
    rounds: samples.rounds,
  };
}

/** For how long a node is watched that has nothing to do, in milliseconds. */
const WATCH_MS = 10_000;

/** The service's own address; the lab has it. */
const IMDS = "169.254.169.254:80";

/** A node with its rule: from the start until clients see the region. */
export async function withRule(
  lab: Lab,
  executables: ReadonlyMap<string, string>,
  { repeats }: Plan,
): Promise<Section> {
  await lab.service(IMDS, "100us", "close");
  const samples = new Samples();
  for (let round = 0; round < repeats; round++) {
    for (const [name, executable] of executables) {
      const started = Date.now();
      const serve = ["serve", "--iptables", "--log-level=error"];
      const program = lab.namespace.spawn([executable, ...serve]);
      // To ask meanwhile would leave sockets behind, and at its start the
      // program looks through all of them.
      await program.shows(/\n/);
      const answered = await lab.answers(IMDS);
      const sample = { [START]: answered * 1e3 - started };
      if (round > 0) samples.add(name, sample);
      else {
        await wait(SETTLE_MS);
        const pids = await processesOf(program.pid);
        const time = async () =>
          (await Promise.all(pids.map(timeOf))).reduce((a, b) => a + b, 0);
        const before = await time();
        await wait(WATCH_MS);
        const used = await time() - before;
        samples.add(name, {
          ...sample,
          [IDLE]: await memoryOf(pids, "Pss"),
          "idle CPU %": used / WATCH_MS * 1e5,
          [SIZE]: (await Deno.stat(executable)).size / 1e6,
        });
      }
      await program.kill("SIGTERM");
    }
  }
  return {
    title: "A node with the rule",
    about: `\`serve --iptables\`, parent and child and the programs they start:
${repeats} starts, each until a client at 169.254.169.254 sees the region, and
${WATCH_MS / 1e3} s with nothing to do.`,
    rounds: samples.rounds,
  };
}
