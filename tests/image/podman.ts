/**
 * Podman with images and containers of its own, gone at disposal. Needs root.
 *
 * @module
 */
import type { RunResult } from "../../lib/system/runner.ts";
import { runToEnd, succeed } from "../helpers/plain_runner.ts";
import type { ProgramOptions } from "../helpers/program.ts";

/** Podman. */
export interface Podman extends AsyncDisposable {
  /** A folder for what is built from, gone as well. */
  readonly folder: string;
  /**
   * Runs podman to its end.
   *
   * @throws {Error} when it takes longer than two minutes
   */
  run(...args: readonly string[]): Promise<RunResult>;
  /**
   * Runs podman, which must succeed.
   *
   * @returns its standard output
   */
  must(...args: readonly string[]): Promise<string>;
  /**
   * How the program is started as a container, in a namespace, as on a node
   * with `podman run --net=host`.
   *
   * @param image what it runs
   * @param flags of `podman run`
   */
  program(image: string, ...flags: readonly string[]): Required<
    Pick<ProgramOptions, "command" | "env">
  >;
}

/** Makes a podman. */
export async function createPodman(): Promise<Podman> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-podman-" });
  const configuration = `${folder}/containers.conf`;
  // Podman raises limits, which takes CAP_SYS_RESOURCE: not every machine's
  // root has it.
  await Deno.writeTextFile(
    configuration,
    "[containers]\ndefault_ulimits = []\n",
  );
  const command: readonly [string, ...string[]] = [
    "podman",
    ...["--root", `${folder}/images`, "--runroot", `${folder}/containers`],
    ...["--tmpdir", `${folder}/tmp`],
    // These work on every file system, and without systemd.
    ...["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"],
    ...["--events-backend", "none", "--runtime", "runc"],
  ];
  const env = { CONTAINERS_CONF: configuration };
  const podman = (args: readonly string[]): [string, ...string[]] => [
    ...["env", `CONTAINERS_CONF=${configuration}`] as const,
    ...[...command, ...args],
  ];
  const must: Podman["must"] = (...args) => succeed(podman(args));
  return {
    folder,
    run: (...args) => runToEnd(podman(args)),
    must,
    program: (image, ...flags) => ({
      env,
      command: [
        ...command,
        ...["run", "--rm", "--pull=never", "--net=host", ...flags, image],
      ],
    }),
    async [Symbol.asyncDispose]() {
      await must("rm", "--all", "--force", "--time=0");
      await Deno.remove(folder, { recursive: true });
    },
  };
}
