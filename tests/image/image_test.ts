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
import type { RunningProgram } from "../helpers/program.ts";
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import { buildOurs, buildOutside, createBase, IMAGE } from "./build_image.ts";
import type { Podman } from "./podman.ts";

const NEEDS = [
  EXECUTABLE,
  ...NODE_NEEDS,
  { command: "podman", from: "podman" },
  { command: "runc", from: "runc" },
  { command: "nsenter", from: "util-linux" },
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
    assertEquals(Config.User, "0");
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

  await t.step("and refuses others", async () => {
    const { code, stderr } = await compile("riscv64");
    assert(code !== 0);
    assertStringIncludes(
      stderr,
      'Cannot compile for "riscv64": expected amd64 or arm64',
    );
  });
});
