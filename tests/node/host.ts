/**
 * A node: Debian with real systemd, booted by systemd-nspawn from what real
 * Ignition wrote, in a network of its own. `site.ts` is what is around it.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { RunResult } from "../../lib/system/runner.ts";
import { cacheFolder } from "../helpers/files.ts";
import { type Namespace, Spawned } from "../helpers/namespace.ts";
import { askAs, procfs, REGION, rules, until } from "../helpers/node.ts";
import { runToEnd, succeed } from "../helpers/plain_runner.ts";
import type { Need } from "../helpers/requires.ts";
import type { Plug, Site } from "./site.ts";

/** Where Debian keeps Ignition for the initramfs. */
const IGNITION = "/usr/lib/dracut/modules.d/30ignition/ignition";

/** How long a busy machine may take for what a node does. */
const PATIENCE_MS = 300_000;

/** What a test on a host needs. */
export const HOST_NEEDS: readonly Need[] = [
  { command: "systemd-nspawn", from: "systemd-container" },
  { command: "mmdebstrap", from: "mmdebstrap" },
  { command: IGNITION, from: "ignition" },
  { command: "nsenter", from: "util-linux" },
];

/** What a node has of what the program touches, and what its readers need. */
const PACKAGES = [
  ...["systemd", "systemd-sysv", "dbus", "procps", "ca-certificates"],
  ...["podman", "crun", "catatonit", "python3", "libssl3", "curl"],
  ...["iproute2", "iptables", "nftables", "conntrack", "firewalld"],
];

/** What makes Debian a node: as on RHCOS, only what is enabled starts. */
const CUSTOMIZE = [
  'rm -f "$1/etc/machine-id"',
  'find "$1/etc/systemd/system" -name "*.wants" -exec rm -r {} +',
  'echo "disable *" >"$1/usr/lib/systemd/system-preset/90-default.preset"',
  'ln -s /dev/null "$1/etc/systemd/system/systemd-firstboot.service"',
  // Ignition wants to know it.
  'mkdir -p "$1/etc/selinux"; echo SELINUXTYPE=none >"$1/etc/selinux/config"',
];

/** The root file system, made once and kept outside the checkout. */
async function rootFileSystem(): Promise<string> {
  const recipe = new TextEncoder().encode([...PACKAGES, ...CUSTOMIZE].join());
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", recipe));
  const folder = `${await cacheFolder()}/node-${hash.toHex().slice(0, 12)}`;
  if (existsSync(folder)) return folder;
  const made = await Deno.makeTempDir({ dir: await cacheFolder() });
  // What it mounts goes with it, even where it is killed.
  const { code, stderr } = await new Deno.Command("unshare", {
    args: [
      ...["--mount", "mmdebstrap", "--quiet", "--variant=minbase"],
      `--include=${PACKAGES.join()}`,
      ...CUSTOMIZE.map((line) => `--customize-hook=${line}`),
      ...["bookworm", made],
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  await Deno.rename(made, folder);
  return folder;
}

/** Runs what follows where the root file system is mounted, as long as it runs. */
const MOUNTED =
  'mount -t overlay overlay -o "lowerdir=$0,upperdir=$1/upper,workdir=$1/work" "$1/root"; shift; exec "$@"';

/** A node; disposing of it cuts its power. */
export class Host implements AsyncDisposable {
  #machine: Spawned | undefined;
  /** Its first process; 0 while there is none. */
  #leader = 0;
  #plug: Plug | undefined;
  /** How many lines no longer count, of each reader and of the service. */
  #skipped: Readonly<Record<string, number>> = {};
  #skippedAsked = 0;

  private constructor(
    readonly site: Site,
    readonly folder: string,
    readonly lower: string,
  ) {}

  /**
   * Installs a node.
   *
   * @param config what Ignition is given
   */
  static async install(site: Site, config: unknown): Promise<Host> {
    const lower = await rootFileSystem();
    const folder = await Deno.makeTempDir({ prefix: "c2s-imds-node-" });
    // A disk that an overlay can lie on, whatever this machine's root is.
    await succeed(["mount", "-t", "tmpfs", "-o", "mode=755", "disk", folder]);
    const host = new Host(site, folder, lower);
    try {
      await host.#ignite(config);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Has Ignition write what the configuration says. */
  async #ignite(config: unknown): Promise<void> {
    const { folder } = this;
    for (const name of ["upper", "work", "root", "containers"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    const file = `${folder}/config.ign`;
    await Deno.writeTextFile(file, JSON.stringify(config));
    // There is no SELinux: nothing to label anew.
    await Deno.symlink("/bin/true", `${folder}/setfiles`);
    for (const stage of ["fetch", "files"]) {
      await succeed(this.#mounted([
        ...["env", `PATH=${folder}:/usr/sbin:/usr/bin`],
        ...[`IGNITION_CONFIG_FILE=${file}`, IGNITION],
        ...["--platform=file", `--stage=${stage}`, `--root=${folder}/root`],
        ...[`--config-cache=${folder}/cache`, `--state-file=${folder}/state`],
        ...[`--neednet=${folder}/neednet`, "--log-to-stdout"],
      ]));
    }
  }

  #mounted(argv: readonly string[]): [string, ...string[]] {
    const { lower, folder } = this;
    return [
      ...["unshare", "--mount", "sh", "-ec"] as const,
      ...[MOUNTED, lower, folder, ...argv],
    ];
  }

  /** Its power is on; it boots, with a network and logs of readers anew. */
  async boot(): Promise<void> {
    const { folder } = this;
    await Deno.remove(this.path("/var/lib/readers"), { recursive: true })
      .catch(() => {});
    this.#skipped = {};
    this.#skippedAsked = this.site.asked.length;
    const plug = this.#plug = await this.site.plug();
    const machine = this.#machine = new Spawned(this.#mounted([
      ...["env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "systemd-nspawn"],
      ...["--quiet", `--directory=${folder}/root`, "--boot"],
      ...[`--network-namespace-path=/run/netns/${plug.namespace.name}`],
      ...["--capability=all", "--system-call-filter=@keyring bpf"],
      ...["--register=no", "--keep-unit", "--console=pipe"],
      ...["--link-journal=no", `--machine=${plug.namespace.name}`],
      `--bind=${folder}/containers:/var/lib/containers`,
      ...Object.entries(this.site.programs).map(([path, file]) =>
        `--bind-ro=${file}:${path}`
      ),
    ]));
    await until("systemd", async () => {
      const of = `task/${machine.pid}/children`;
      const leader = Number((await procfs(machine.pid, of)).trim());
      const found = await procfs(leader, "comm") === "systemd\n";
      if (found) this.#leader = leader;
      return found;
    }, PATIENCE_MS);
    await this.until(
      "systemd answers",
      async () => (await this.run("systemctl", "--no-pager")).code === 0,
    );
  }

  /** Its power is gone. */
  async cut(): Promise<void> {
    if (this.#leader > 0) await succeed(["kill", "-KILL", `${this.#leader}`]);
    this.#leader = 0;
    await this.#machine?.kill();
    this.#machine = undefined;
    await this.#plug?.[Symbol.asyncDispose]();
    this.#plug = undefined;
  }

  /** It stops as it is told to. */
  async powerOff(): Promise<void> {
    await this.run("systemctl", "poweroff");
    await this.#machine?.ended;
    this.#leader = 0;
    await this.cut();
  }

  /** The next boot wipes its images, as after an upgrade of CRI-O. */
  async losesImages(): Promise<void> {
    await Deno.writeTextFile(this.path("/var/lib/wipe"), "");
  }

  /** Runs a command in it, as root. */
  run(...argv: readonly string[]): Promise<RunResult> {
    return runToEnd(this.#inside(argv));
  }

  /** Runs a command in it that must succeed. */
  must(...argv: readonly string[]): Promise<string> {
    return succeed(this.#inside(argv));
  }

  /** Runs a line of shell that must succeed, in /opt, where the program is. */
  shell(line: string): Promise<string> {
    return this.must("sh", "-c", `cd /opt && ${line}`);
  }

  #inside(argv: readonly string[]): [string, ...string[]] {
    return [
      // The end of nsenter alone would leave what it started.
      ...["timeout", "--signal=KILL", "100", "nsenter"] as const,
      ...[`--target=${this.#leader}`, "--all"],
      ...["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...argv,
    ];
  }

  /** Waits until something holds, and else tells what the node says. */
  async until(
    what: string,
    holds: () => boolean | Promise<boolean>,
  ): Promise<void> {
    try {
      await until(what, holds, PATIENCE_MS);
    } catch (cause) {
      const said = await this.journal();
      throw new Error(`${what}: ${said.slice(-5_000)}`, { cause });
    }
  }

  /** The journal of this boot, of a unit if one is named. */
  async journal(...units: readonly string[]): Promise<string> {
    const these = units.map((unit) => `--unit=${unit}`);
    return (await this.run("journalctl", "-b", "-o", "cat", ...these)).stdout;
  }

  /** Writes a file in it. */
  async write(path: string, text: string): Promise<void> {
    await succeed(this.#inside(["sh", "-c", 'cat >"$0"', path]), text);
  }

  get #namespace(): Namespace {
    if (this.#plug === undefined) throw new Error("The node is off");
    return this.#plug.namespace;
  }

  /** What a user sees now: the region, or `refused`. */
  see(uid: number): Promise<string> {
    return askAs(this.#namespace, uid, `http://169.254.169.254${REGION}`);
  }

  /** Every rule in every backend. */
  rules(): Promise<string> {
    return rules(this.#namespace);
  }

  /** The path outside of a file that it wrote. */
  path(path: string): string {
    return `${this.folder}/upper${path}`;
  }

  /** Judges what readers saw last, and what comes after it. */
  async countFromHere(readers: readonly string[]): Promise<void> {
    const lines = await Promise.all(
      readers.map(async (it) => [it, (await this.#wrote(it)).length] as const),
    );
    this.#skipped = Object.fromEntries(lines.map(([it, n]) => [it, n - 1]));
    this.#skippedAsked = this.site.asked.length;
  }

  /** What the service was asked since the node booted. */
  asked(): readonly string[] {
    return this.site.asked.slice(this.#skippedAsked);
  }

  /** What a reader wrote down since the node booted. */
  async seen(reader: string): Promise<readonly string[]> {
    return (await this.#wrote(reader)).slice(this.#skipped[reader] ?? 0);
  }

  async #wrote(reader: string): Promise<readonly string[]> {
    const text = await Deno.readTextFile(
      this.path(`/var/lib/readers/${reader}`),
    ).catch(() => "");
    return text.split("\n").filter(Boolean);
  }

  /** Cuts its power, and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    await succeed(["umount", this.folder]);
    await Deno.remove(this.folder);
  }
}
