import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";
import { installedProgram } from "../helpers/installed.ts";
import { blocksOf, commandsOf } from "../helpers/markdown.ts";
import {
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  procfs,
  PROXY_UID,
  REAL,
  type TestNode,
} from "../helpers/node.ts";
import { succeed } from "../helpers/plain_runner.ts";
import type { RunningProgram } from "../helpers/program.ts";
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import {
  BASE,
  buildOurs,
  buildOutside,
  createBase,
  IMAGE,
} from "./build_image.ts";
import type { Podman } from "./podman.ts";

const NEEDS = [
  EXECUTABLE,
  ...NODE_NEEDS,
  { command: "podman", from: "podman" },
  { command: "runc", from: "runc" },
  { command: "newuidmap", from: "uidmap" },
];

/** How `docs/image.md` runs it: flags of podman, and of the program. */
const RUNS = sourceFiles("docs/image.md").flatMap(({ text }) => blocksOf(text))
  .filter(({ info }) => info === "sh image").flatMap(commandsOf)
  .map((line) => /^podman run (.*) c2s-imds (.*)$/.exec(line))
  .filter((run) => run !== null)
  .map(([, flags = "", call = ""]) => ({
    flags: flags.split(" ").filter((it) => !/^--(?:rm|net=host)$/.test(it)),
    call,
  }));

type Run = typeof RUNS[number];
const [ORIGINAL, WITH_RULE, HARDENED, CHECK, REMOVE] = RUNS as [
  ...[Run, Run, Run, Run, Run],
];

/** How docs/from-c2s-instance-metadata.md has its image replaced. */
const FROM_ORIGINAL = /^podman run (.*) IMAGE (.*)$/m.exec(
  sourceFiles("docs/from-c2s-instance-metadata.md")[0]?.text ?? "",
) ?? [];

/** The user that c2s-instance-metadata makes on a node, and its rule. */
const METADATA = 1042;
const OLD_RULE =
  `OUTPUT -p tcp -m owner ! --uid-owner ${METADATA} --dst 169.254.169.254 --dport 80 -j REDIRECT --to-ports 4000`;

/** What makes a user with subordinate uids, for whom it runs "$@". */
const AS_METADATA = `set -e
cd "$0"
mkdir -p etc home/.config/containers run
for file in passwd group subuid subgid; do cp /etc/$file etc; done
echo "metadata:x:${METADATA}:${METADATA}::$PWD/home:/bin/sh" >> etc/passwd
echo "metadata:x:${METADATA}:" >> etc/group
echo metadata:400000:65536 | tee -a etc/subuid >> etc/subgid
for file in passwd group subuid subgid; do
  mount --bind etc/$file /etc/$file
done
cat > home/.config/containers/containers.conf <<END
[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
END
echo '[storage]\ndriver = "vfs"' > home/.config/containers/storage.conf
chown -R ${METADATA}:${METADATA} home run
chmod 700 run
exec setpriv --reuid=${METADATA} --regid=${METADATA} --clear-groups \\
  env -i HOME="$PWD/home" XDG_RUNTIME_DIR="$PWD/run" PATH="$PATH" "$@"`;

/**
 * Such a user's own podman, which has the image; gone at disposal. Only its
 * processes see that there is such a user.
 */
async function createUser(
  podman: Podman,
): Promise<Pick<Podman, "program"> & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-user-" });
  await Deno.chmod(folder, 0o755);
  const command = (...args: readonly string[]): [string, ...string[]] => [
    ...["unshare", "--mount", "sh", "-c", AS_METADATA, folder] as const,
    ...["podman", ...args],
  ];
  const archive = `${folder}/image.tar`;
  await podman.must("save", `--output=${archive}`, IMAGE);
  await Deno.chmod(archive, 0o644);
  await succeed(command("load", `--input=${archive}`));
  return {
    program: (image, ...flags) => ({
      env: {},
      command: command("run", ...flags, image),
    }),
    async [Symbol.asyncDispose]() {
      await succeed(command("rm", "--all", "--force", "--time=0"));
      // It keeps the user namespace for podman's next call.
      const pause = `${folder}/run/libpod/tmp/pause.pid`;
      Deno.kill(Number(await Deno.readTextFile(pause)), "SIGTERM");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The parent's process: the container's first, seen from outside. */
async function parentOf(podman: Podman): Promise<number> {
  const [container = ""] = (await podman.must("ps", "--quiet")).split("\n");
  const format = "--format={{.State.Pid}}";
  return Number(await podman.must("inspect", format, container));
}

async function childUid(podman: Podman): Promise<number> {
  const child = await childOf({ pid: await parentOf(podman) });
  assert(child !== undefined, "the proxy is a child");
  const status = await procfs(child, "status");
  assertMatch(status, /^CapEff:\s+0+$/m);
  return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
}

async function endsCleanly(
  node: TestNode,
  podman: Podman,
  program: RunningProgram,
  rules: string,
) {
  const { code, stderr } = await program.stop();
  assertEquals(code, 0, stderr);
  assertEquals(await node.rules(), rules);
  assertEquals(await podman.must("ps", "--all", "--quiet"), "");
  assertEquals(await node.see(0), REAL);
}

testWith(NEEDS)("the image runs as it is documented", async (t) => {
  assertEquals(RUNS.length, 5);
  const [executable] = (await installedProgram()).command;
  await using podman = await createBase(executable);
  await buildOutside(podman, executable);
  await using node = await createNode();
  const before = await node.rules();
  const image = ({ flags }: Run, ...more: string[]) =>
    podman.program(IMAGE, ...flags, ...more);
  const start = (run: Run) => node.start(run.call, image(run));

  await t.step("it says what it is", async () => {
    const [{ Config }] = JSON.parse(await podman.must("inspect", IMAGE));
    assertEquals(Config.Entrypoint, ["/usr/local/bin/c2s-imds"]);
    assertEquals(Config.Cmd, ["serve"]);
    // Root, unless podman is told to keep the caller's id.
    assertEquals(Config.User, undefined);
    assertEquals(Config.Labels.name, "c2s-imds");
    assertEquals(Config.Labels.version, config.version);
    const label = "org.opencontainers.image.version";
    assertEquals(Config.Labels[label], config.version);
    const { code, stdout } = await node.run("--version", image(CHECK));
    assertEquals(code, 0);
    assertMatch(stdout, /^c2s-imds \S+ \(commit \S+, imports: (JSR|npm); /);
  });

  await t.step("the original's way: flags alone", async () => {
    const program = await start(ORIGINAL);
    assertEquals(program.url, "http://127.0.0.1:4000");
    const region = `${program.url}/latest/meta-data/placement/region`;
    assertEquals(await node.see(0, region), EMULATED);
    assertEquals(await node.see(0), REAL);
    assertEquals(await childUid(podman), PROXY_UID);
    await endsCleanly(node, podman, program, before);
  });

  for (
    const [how, run, ...more] of [
      ["NET_ADMIN added", WITH_RULE],
      // Nothing is written to memory either.
      ["nothing to spare", HARDENED, "--read-only-tmpfs=false"],
    ] as const
  ) {
    await t.step(`serve --iptables, ${how}`, async () => {
      const program = await node.start(run.call, image(run, ...more));
      assertEquals(await node.leadsTo(), "4000");
      const seen = [0, 1000, PROXY_UID].map((uid) => node.see(uid));
      assertEquals(await Promise.all(seen), [EMULATED, EMULATED, REAL]);
      assertEquals(await childUid(podman), PROXY_UID);
      const check = await node.run(CHECK.call, image(CHECK));
      assertEquals(check.code, 0, check.stdout + check.stderr);
      await endsCleanly(node, podman, program, before);
    });
  }

  await t.step("without NET_ADMIN it says so, nothing changes", async () => {
    const { code, stderr } = await node.run(WITH_RULE.call, image(ORIGINAL));
    assertEquals(code, 4);
    assertStringIncludes(stderr, "missing CAP_NET_ADMIN to change rules");
    assertEquals(await node.rules(), before);
  });

  await t.step(
    "in the place of c2s-instance-metadata, which then gives way",
    async () => {
      await using user = await createUser(podman);
      const oldRule = (how: string) =>
        node.namespace.must(
          ["iptables-nft", "-t", "nat", how, ...OLD_RULE.split(" ")],
        );
      await oldRule("-I");
      const [, flags = "", call = ""] = FROM_ORIGINAL;
      const old = await node.start(
        call.replace("REGION", EMULATED),
        user.program(IMAGE, ...flags.split(" ")),
      );
      const seen = () => Promise.all([0, METADATA].map((uid) => node.see(uid)));
      assertEquals(await seen(), [EMULATED, REAL]);
      // In the order of the page: nobody sees the real region meanwhile.
      const program = await start(HARDENED);
      assertEquals(await node.leadsTo(), "4001");
      const check = () => node.run("check");
      assertMatch(
        (await check()).stdout,
        /\nverdict: +no: another .* redirects the proxy's own requests; run .* -D /,
      );
      await oldRule("-D");
      assertEquals(await seen(), [EMULATED, EMULATED]);
      await old.stop();
      const { code, stdout } = await check();
      assertEquals([code, stdout.includes("warning")], [0, false], stdout);
      await endsCleanly(node, podman, program, before);
    },
  );

  await t.step("a killed container keeps the rule until removed", async () => {
    const program = await start(HARDENED);
    await podman.must("kill", "--signal=KILL", "--all");
    await program.result;
    assertEquals(await node.see(0), "refused");
    const { code, stdout } = await node.run(REMOVE.call, image(REMOVE));
    assertEquals([code, stdout], [
      0,
      "Removed from the nft backend: IPv6\nRemoved from the nft backend: IPv4\n",
    ]);
    assertEquals(await node.rules(), before);
  });
});

testWith(NEEDS)("the image compiles what its platform asks for", async (t) => {
  const [executable] = (await installedProgram()).command;
  await using podman = await createBase(executable);
  const compile = (arch: string) =>
    buildOurs(
      podman,
      `localhost/${arch}`,
      `--build-arg=TARGETARCH=${arch}`,
      REPOSITORY.pathname,
    );
  const release = sourceFiles(".deno-version")[0]?.text.trim();

  for (const [arch, cpu] of [["amd64", "x86_64"], ["arm64", "aarch64"]]) {
    await t.step(`${arch}`, async () => {
      const { code, stderr } = await compile(String(arch));
      assertEquals(code, 0, stderr);
      // The stand-in's npx makes an executable that tells how it was called.
      assertEquals(
        await podman.must("run", "--rm", "--net=none", `localhost/${arch}`),
        `npx --yes deno@${release} task compile --target ${cpu}-unknown-linux-gnu --output /c2s-imds\nwith .git\n`,
      );
    });
  }

  await t.step("on bases that may be pinned by digest", async () => {
    const image = "localhost/pinned";
    const built = (...digests: readonly string[]) =>
      buildOurs(
        podman,
        image,
        "--build-arg=TARGETARCH=amd64",
        ...digests.map((it) => `--build-arg=${it}`),
        REPOSITORY.pathname,
      );
    const digest = await podman.must("inspect", "--format={{.Digest}}", BASE);
    const { code, stderr } = await built(
      `RUNTIME_DIGEST=${digest.trim()}`,
      `BUILD_DIGEST=${digest.trim()}`,
    );
    assertEquals(code, 0, stderr);
    const [{ Config }] = JSON.parse(await podman.must("inspect", image));
    const label = "org.opencontainers.image.base.digest";
    assertEquals(Config.Labels[label], digest.trim());
    const other = `sha256:${"0".repeat(64)}`;
    for (const base of ["RUNTIME", "BUILD"]) {
      const { stderr } = await built(`${base}_DIGEST=${other}`);
      assertStringIncludes(stderr, `@${other}: image not known`);
    }
  });

  await t.step("and refuses others", async () => {
    const { code, stderr } = await compile("riscv64");
    assert(code !== 0);
    assertStringIncludes(
      stderr,
      'Cannot compile for "riscv64": expected amd64 or arm64',
    );
  });
});
