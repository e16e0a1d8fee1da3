/**
 * Podman as far as the units use it: a script that runs the program itself in
 * the place of a container, with the capabilities the container would have.
 *
 * @module
 */
import type { Installed } from "./installed.ts";

/** What the script knows and does. */
export interface FakePodman extends AsyncDisposable {
  /** The folder to put first on PATH; it has a short `sleep`, too. */
  readonly bin: string;
  /** The folder that stands for /run. */
  readonly run: string;
  /** Says whether the registry answers; a silent one keeps a pull waiting. */
  registry(state: "up" | "down" | "silent"): Promise<void>;
  /** Kills the next containers so many seconds after their start each. */
  crash(...seconds: readonly number[]): Promise<void>;
  /** How often each of its subcommands was called. */
  calls(subcommand: string): Promise<number>;
}

const PODMAN = `#!/bin/sh
state=FOLDER
echo "$1" >> "$state/calls"
as_container() {
  exec setpriv --bounding-set="$(cat "$state/capabilities")" --inh-caps=-all \\
    --no-new-privs env "PATH=$state/image-bin" ENVIRONMENT "$@"
}
case $1 in
  image) test -e "$state/image" ;;
  pull)
    test -n "$HTTPS_PROXY" || exit 126
    while test "$(cat "$state/registry")" = silent; do /bin/sleep 0.05; done
    test "$(cat "$state/registry")" = up || exit 125
    touch "$state/image" ;;
  run)
    test -e "$state/image" || exit 125
    added=-all
    while shift; do
      case $1 in
        --cap-add=*) added="-all$(echo ",\${1#*=}" | sed 's/,/,+/g')" ;;
        --http-proxy=false) unset HTTPS_PROXY ;;
        --name=*) name=1 ;;
        --*) ;;
        *) break ;;
      esac
    done
    shift
    echo "$added" | tr '[:upper:]' '[:lower:]' > "$state/capabilities"
    test -z "$HTTPS_PROXY" || exit 126
    if test -n "$name"; then
      echo $$ > "$state/pid"
      life=$(head -n 1 "$state/crashes")
      sed -i 1d "$state/crashes"
      if test -n "$life"; then
        pid=$$
        (/bin/sleep "$life"; kill -KILL $pid) &
      fi
    fi
    as_container PROGRAM "$@" ;;
  exec)
    kill -0 "$(cat "$state/pid")" || exit 125
    shift 3
    as_container PROGRAM "$@" ;;
  stop)
    pid=$(cat "$state/pid")
    kill -TERM "$pid"
    while kill -0 "$pid"; do /bin/sleep 0.05; done ;;
  *) exit 127 ;;
esac
`;

/** The programs in the image that the program uses: iptables' nft backend. */
const IN_IMAGE: readonly string[] = [
  ...["cat", "id", "test"].map((name) => `/usr/bin/${name}`),
  ...["iptables-nft", "ip6tables-nft"].flatMap((name) =>
    ["", "-restore", "-save"].map((tool) => `/usr/sbin/${name}${tool}`)
  ),
];

/** What the units sleep between two tries, in seconds. */
const SLEEP = "#!/bin/sh\nexec /bin/sleep 0.2\n";

/**
 * Makes one whose registry answers at once.
 *
 * @param installed what stands in the image
 */
export async function fakePodman(
  { command, env }: Installed,
): Promise<FakePodman> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-podman-" });
  // The proxy's user looks for programs in it.
  await Deno.chmod(folder, 0o755);
  const [bin, run] = [`${folder}/bin`, `${folder}/run`];
  await Deno.mkdir(bin);
  await Deno.mkdir(run);
  await Deno.mkdir(`${folder}/image-bin`);
  for (const path of IN_IMAGE) {
    const name = path.slice(path.lastIndexOf("/"));
    await Deno.symlink(path, `${folder}/image-bin${name}`);
  }
  const write = (file: string, text: string, mode = 0o644) =>
    Deno.writeTextFile(`${folder}/${file}`, text, { mode });
  const script = PODMAN.replaceAll("FOLDER", folder)
    .replaceAll(
      "ENVIRONMENT",
      Object.entries(env).map(([name, value]) => `${name}=${value}`).join(" "),
    )
    .replaceAll("PROGRAM", command.join(" "));
  await write("bin/podman", script, 0o755);
  await write("bin/sleep", SLEEP, 0o755);
  const podman: FakePodman = {
    bin,
    run,
    registry: (state) => write("registry", state),
    crash: (...seconds) =>
      write("crashes", seconds.map((one) => `${one}\n`).join("")),
    async calls(subcommand) {
      const lines = (await Deno.readTextFile(`${folder}/calls`)).split("\n");
      return lines.filter((line) => line === subcommand).length;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
  await write("calls", "");
  await write("pid", "");
  await podman.registry("up");
  await podman.crash();
  return podman;
}
