/**
 * What happens to a node that shows the emulated region, scene by scene, and
 * how it is judged.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parse, stringify } from "@std/yaml";
import { sourceFiles } from "../helpers/files.ts";
import { blocksOf, commandsOf } from "../helpers/markdown.ts";
import { EMULATED, REAL } from "../helpers/node.ts";
import { runProgram } from "../helpers/program.ts";
import type { Host } from "./host.ts";
import type { Site } from "./site.ts";

/** A scene. */
export type Scene = (node: Host, site: Site) => Promise<void>;

/** Waits until root and others see a region, or are refused. */
export async function sees(node: Host, what: string): Promise<void> {
  await node.until(
    `clients see ${what}`,
    async () => await node.see(0) === what && await node.see(1000) === what,
  );
}

/** Readers that go on asking. */
const ALWAYS = ["kubelet", "hasty"];

/** Waits until all see the emulated region, and has judged what comes then. */
async function judgeFromHere(node: Host): Promise<void> {
  await sees(node, EMULATED);
  for (const reader of ALWAYS) {
    await node.until(
      `${reader} sees ${EMULATED}`,
      async () => (await node.seen(reader)).at(-1) === EMULATED,
    );
  }
  await node.countFromHere(ALWAYS);
}

/** What the service was asked without a proxy: only those have `Connection`. */
const DIRECT = /^\S+ \S+ None /;

/** What it was asked for readers by the proxy. */
const SHOWN = / close (?:kubelet|hasty)$/;

/**
 * Asserts that no reader behind the gate saw the real region, nor anybody else
 * who had seen the emulated one; and that nobody but the proxy asked for it.
 */
export async function neverReal(node: Host): Promise<void> {
  const asked = node.asked();
  const shown = asked.findIndex((it) => SHOWN.test(it));
  // Who is in a hurry asks the service itself, while there is no rule.
  const mayAsk = (it: string, at: number) =>
    it.endsWith(" hasty") && (shown < 0 || at < shown);
  assertEquals(
    asked.filter((it, at) => DIRECT.test(it) && !mayAsk(it, at)),
    [],
  );
  const held = [
    ...await node.seen("providerid"),
    ...await node.seen("kubelet"),
  ];
  const hasty = await node.seen("hasty");
  const first = hasty.indexOf(EMULATED);
  for (const line of [...held, ...first < 0 ? [] : hasty.slice(first)]) {
    assert(
      line.startsWith(EMULATED) || line.startsWith("("),
      `Seen: ${held.join(", ")}; in a hurry: ${hasty.join(", ")}`,
    );
  }
}

/** Waits until the node runs, and nothing failed. */
export async function runs(node: Host): Promise<void> {
  let state = "";
  await node.until("the node runs", async () => {
    const { stdout } = await node.run("systemctl", "is-system-running");
    state = stdout.trim();
    return !["initializing", "starting"].includes(state);
  });
  const failed = await node.must("systemctl", "--failed", "--no-legend");
  assertEquals([state, failed], ["running", ""]);
}

/** What `c2s-imds manifests` prints. */
async function manifests(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(["manifests", ...args]);
  assertEquals(code, 0, stderr);
  return stdout;
}

/** The Ignition configuration in a MachineConfig. */
interface Config {
  readonly systemd: {
    readonly units: readonly {
      readonly name: string;
      readonly contents: string;
    }[];
  };
}

/** The configuration of a worker's MachineConfig. */
export async function workerConfig(image = ""): Promise<Config> {
  const flags = [`--image=${image}`, "--role=worker"];
  const made = parse(await manifests("machineconfig", ...flags));
  return (made as { spec: { config: Config } }).spec.config;
}

/** Writes the units of another image, as the machine-config daemon does. */
export async function change(node: Host, image = ""): Promise<void> {
  for (const { name, contents } of (await workerConfig(image)).systemd.units) {
    await node.write(`/etc/systemd/system/${name}`, contents);
  }
}

/** The container's id; empty where there is none. */
async function container(node: Host): Promise<string> {
  const ask = ["podman", "container", "inspect", "--format={{.Id}}"];
  return (await node.run(...ask, "c2s-imds")).stdout.trim();
}

/** Does something after which another container has to run. */
async function replaces(node: Host, act: () => Promise<unknown>) {
  const before = await container(node);
  await act();
  await node.until(
    "another container",
    async () => !["", before].includes(await container(node)),
  );
}

/** Scenes of a day, in their order; none may show the real region. */
export const DAY: Readonly<Record<string, Scene>> = {
  "systemctl reload": async (node) => {
    await node.must("systemctl", "reload", "c2s-imds");
    await node.until(
      "it read its configuration again",
      async () =>
        (await node.journal("c2s-imds")).includes("configuration read again"),
    );
  },
  "systemctl restart": (node) =>
    replaces(node, () => node.must("systemctl", "restart", "c2s-imds")),
  "systemctl stop, and start": async (node) => {
    await node.must("systemctl", "stop", "c2s-imds");
    await sees(node, "refused");
    await node.must("systemctl", "start", "c2s-imds");
  },
  "the proxy is killed, as where memory ends": async (node) => {
    const before = await container(node);
    await node.must("pkill", "--signal=KILL", "--uid=10169");
    await node.until(
      "another proxy",
      async () =>
        (await node.journal("c2s-imds")).includes("the proxy listens again"),
    );
    assertEquals(await container(node), before);
  },
  "the container is killed, as soon as it is there": async (node) => {
    for (let times = 0; times < 3; times++) {
      const kill = ["podman", "kill", "--signal=KILL", "c2s-imds"];
      const kills = async () => (await node.run(...kill)).code === 0;
      await replaces(node, () => node.until("a kill", kills));
    }
  },
  "the units change, without a reboot": (node, site) =>
    replaces(node, async () => {
      await change(node, site.images[1]);
      await node.must("systemctl", "daemon-reload");
      await node.must("systemctl", "restart", "c2s-imds");
    }),
};

/** What flushes every table; the rule is put back, as docs/rule.md says. */
const FLUSHES: readonly (readonly string[])[] = [
  ["start", "firewalld"],
  ["stop", "firewalld"],
  ["start", "nftables"],
  ["reload", "nftables"],
];

/** Others' firewalls come after the rule. */
export const firewalls: Scene = async (node) => {
  for (const [does = "", firewall = ""] of FLUSHES) {
    await node.must("systemctl", does, firewall);
    await node.until(
      `the rule after ${does} ${firewall}`,
      async () => (await node.rules()).includes("--to-ports"),
    );
    await sees(node, EMULATED);
  }
};

/** Moments of a boot at which the power is cut: how each is noticed. */
export const MOMENTS: Readonly<
  Record<string, (node: Host, site: Site) => boolean | Promise<boolean>>
> = {
  "systemd answers": () => true,
  "a client is answered": async (node) => (await node.seen("hasty")).length > 0,
  "the network is there": (node) =>
    is(node, "active", "NetworkManager-wait-online"),
  "the unit starts": (node) => is(node, "activating", "c2s-imds"),
  "the pull begins": (_, site) => site.pulls > 0,
  "the image is there": async (node) =>
    (await node.must("podman", "images", "--quiet")) !== "",
  "the container is there": async (node) =>
    (await node.run("podman", "container", "exists", "c2s-imds")).code === 0,
  "the rule is there": async (node) =>
    (await node.rules()).includes("--to-ports"),
  "a client sees the region": async (node) =>
    (await node.seen("hasty")).includes(EMULATED),
  "kubelet starts": async (node) => (await node.seen("kubelet")).length > 0,
};

/** Moments that there are only where the image has to be pulled. */
export const PULLS: readonly string[] = [
  "the unit starts",
  "the pull begins",
  "the image is there",
];

async function is(node: Host, state: string, unit: string): Promise<boolean> {
  return (await node.run("systemctl", "is-active", unit)).stdout.trim() ===
    state;
}

/** The commands on a node below a heading of a document. */
function documented(path: string, heading: string): string[] {
  const text = sourceFiles(path)[0]?.text ?? "";
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const commands = blocksOf(section.split("\n## ")[0] ?? "")
    .filter(({ info }) => info === "sh cluster").flatMap(commandsOf);
  assert(commands.length > 0, `${path} has no commands for "${heading}"`);
  return commands.map((line) =>
    line.replace(/^(?:oc debug node\/NODE -- chroot \/host|sudo) /, "")
  );
}

/** The documented removal of the MachineConfig's units from one node. */
export const remove: Scene = async (node, site) => {
  for (const line of documented("docs/removal.md", "From one node")) {
    await node.shell(line.replace(/\bIMAGE\b/, site.images[1] ?? ""));
  }
  await sees(node, REAL);
  // Empty tables may stay: iptables never removes those.
  assertEquals((await node.rules()).match(/^-A .*|.*c2s-imds.*/gim), null);
};

/** A container of a pod, as far as it is read here. */
interface Container {
  readonly readinessProbe: { readonly exec: { readonly command: string[] } };
}

/** The DaemonSet's pod, with its rights; the units are gone. */
export const pod: Scene = async (node, site) => {
  const before = await node.rules();
  const yaml = await manifests("daemonset", `--image=${site.images[1]}`);
  const made = yaml.split("\n---\n")
    .find((it) => it.includes("\nkind: DaemonSet\n")) ?? "";
  const { spec } = parse(made) as {
    spec: { template: { spec: { containers: readonly Container[] } } };
  };
  const file = "/opt/pod.yaml";
  await node.write(
    file,
    stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pod" },
      spec: spec.template.spec,
    }),
  );
  await node.must("podman", "kube", "play", file);
  await judgeFromHere(node);
  const ready = spec.template.spec.containers[0]?.readinessProbe.exec.command;
  await node.must("podman", "exec", "pod-c2s-imds", ...ready ?? []);
  await neverReal(node);
  // `kube down` of this Podman kills at once.
  await node.must("podman", "pod", "stop", "--time=20", "pod");
  await sees(node, REAL);
  await node.must("podman", "kube", "down", file);
  assertEquals(await node.rules(), before);
};

/** The unit of a host without OpenShift, by its documents. */
export const plainHost: Scene = async (node) => {
  const before = await node.rules();
  await node.write("/opt/c2s-imds.service", await manifests("systemd"));
  const install = "A host without OpenShift";
  // The last command waits until `check` says yes.
  for (const line of documented("docs/install.md", install)) {
    await node.shell(line);
  }
  await judgeFromHere(node);
  const kill = ["systemctl", "kill", "--signal=KILL", "--kill-whom=main"];
  await node.must(...kill, "c2s-imds");
  await node.until(
    "another process",
    async () =>
      (await node.journal("c2s-imds")).split("the proxy is in place").length >
        2,
  );
  await sees(node, EMULATED);
  await neverReal(node);
  const removal = "From a host without OpenShift";
  for (const line of documented("docs/removal.md", removal)) {
    await node.shell(line);
  }
  await sees(node, REAL);
  assertEquals(await node.rules(), before);
};

/** From 0.1.0, which has no guard, to this version, and back. */
export const upgrade: Scene = async (node) => {
  const before = await node.rules();
  const [OLD, NEW] = ["c2s-imds-0.1.0", "c2s-imds"];
  for (const name of [OLD, NEW]) {
    const serve = `/opt/${name} serve --iptables --on-stop=keep`;
    await node.write(
      `/etc/systemd/system/${name}-kept.service`,
      `[Service]\nExecStart=${serve}\nKillMode=mixed\n`,
    );
  }
  await node.must("systemctl", "daemon-reload");
  const run = (name: string, does: "start" | "stop") =>
    node.must("systemctl", does, `${name}-kept`);
  await run(OLD, "start");
  await judgeFromHere(node);
  for (const [from, to] of [[OLD, NEW], [NEW, OLD]] as const) {
    await run(from, "stop");
    await sees(node, "refused");
    await run(to, "start");
    await sees(node, EMULATED);
    if (to === NEW) await node.must("/opt/c2s-imds", "iptables", "status");
  }
  await run(OLD, "stop");
  await node.must(`/opt/${OLD}`, "iptables", "remove");
  // The guard is still there, as docs/removal.md says.
  await sees(node, "refused");
  await neverReal(node);
  await node.must(`/opt/${NEW}`, "iptables", "remove");
  await sees(node, REAL);
  assertEquals(await node.rules(), before);
};
