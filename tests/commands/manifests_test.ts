import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parse } from "@std/yaml";
import { EXIT, type Io } from "../../lib/cli/command.ts";
import { manifests } from "../../lib/commands/manifests.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { renderedFiles } from "../../deploy/render.ts";
import { SERVE_SETTINGS } from "../../lib/config/serve_options.ts";
import { systemRunner } from "../../lib/system/runner.ts";
import { createFolder, sourceFiles } from "../helpers/files.ts";
import { fakeIo } from "../helpers/io.ts";
import { runProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";
import { parseUnit, unitsOf, valuesOf } from "../helpers/units.ts";

const DIGEST = `@sha256:${"0".repeat(64)}`;

const IMAGE = `registry.example.com/c2s-imds${DIGEST}`;

const NODE = ["machineconfig", `--image=${IMAGE}`];

/** A configuration file, and variables of the machine it is made on. */
const CONFIG =
  "timeout: 7\nregion: {us-west-2: us-iso-west-1}\niptables: true\n";

function make(...args: string[]) {
  return makeFrom(() => CONFIG, ...args);
}

async function makeFrom(readTextFile: Io["readTextFile"], ...args: string[]) {
  const { io, written } = fakeIo();
  const env = { C2S_IMDS_REGION: "none", C2S_IMDS_TIMEOUT: "3" };
  const code = await manifests.run(args, { ...io, env, readTextFile });
  assertEquals(code, EXIT.OK);
  return written;
}

/** The arguments of `serve` in the proxy's unit, and the gate's check. */
async function madeFor(...args: string[]) {
  const { stdout } = await make(...NODE, "--role=worker", ...args);
  const [gate, proxy] = unitsOf(stdout)
    .map(({ contents }) => parseUnit(contents));
  const [run = ""] = valuesOf(proxy ?? [], "[Service] ExecStart");
  const [wait = ""] = valuesOf(gate ?? [], "[Service] ExecStart");
  return {
    serve: run.slice(run.indexOf(" serve ") + 1),
    check: wait.replace(/^.* check --wait=30 (.*?); do.*$/, "$1"),
  };
}

const DEFAULT = "--region=us-east-1=us-iso-east-1";

Deno.test("manifests passes what it is told on to serve and check, the file's part too", async () => {
  for (
    const [flags, serve, check] of [
      ["", `${DEFAULT} --on-stop=keep`, DEFAULT],
      ["--on-stop=keep", `${DEFAULT} --on-stop=keep`, DEFAULT],
      [
        "--region us-east-2=b-1 --region us-west-2=d-1",
        "--region=us-east-2=b-1 --region=us-west-2=d-1 --on-stop=keep",
        "--region=us-east-2=b-1 --region=us-west-2=d-1",
      ],
      [
        "--emulatedRegion=us-iso-west-1 --port=4100",
        "--listen=127.0.0.1:4100 --region=us-east-1=us-iso-west-1 --on-stop=keep",
        "--region=us-east-1=us-iso-west-1",
      ],
      [
        "--listen=[::1]:4000 --listen=127.0.0.1:4001 --user=20000",
        `--listen=[::1]:4000 --listen=127.0.0.1:4001 ${DEFAULT} --user=20000 --on-stop=keep`,
        `${DEFAULT} --user=20000`,
      ],
      [
        "--listen=0.0.0.0:4000 --listen-anywhere --backend=legacy",
        `--listen=0.0.0.0:4000 --listen-anywhere=true ${DEFAULT} --backend=legacy --on-stop=keep`,
        `${DEFAULT} --backend=legacy`,
      ],
      [
        "--config=c2s-imds.yaml --log-format=json --on-crash=remove",
        "--region=us-west-2=us-iso-west-1 --timeout=7 --on-stop=keep --on-crash=remove --log-format=json",
        "--region=us-west-2=us-iso-west-1",
      ],
      [
        "--config=c2s-imds.yaml --timeout=1 --profile=sc2s",
        "--region=us-west-2=us-iso-west-1 --profile=sc2s --timeout=1 --on-stop=keep",
        "--region=us-west-2=us-iso-west-1 --profile=sc2s",
      ],
      // A profile has a region of its own.
      ["--profile=c2s", "--profile=c2s --on-stop=keep", "--profile=c2s"],
    ] as const
  ) {
    const made = await madeFor(...flags.split(" ").filter((it) => it !== ""));
    assertEquals(made, { serve: `serve --iptables ${serve}`, check });
  }
});

Deno.test("manifests makes a machine config for each pool, masters and workers unless told", async () => {
  const pools = ({ stdout }: { stdout: string }) =>
    stdout.split("---\n").map((text) =>
      (parse(text) as { metadata: { name: string } }).metadata.name
    );
  assertEquals(pools(await make(...NODE)), [
    "99-master-c2s-imds",
    "99-worker-c2s-imds",
  ]);
  assertEquals(
    pools(await make(...NODE, "--role=gpu", "--role=worker", "--role=gpu")),
    ["99-gpu-c2s-imds", "99-worker-c2s-imds"],
  );
});

Deno.test("manifests reads a configuration once, which may be a pipe", async () => {
  const texts = [CONFIG];
  const { stdout } = await makeFrom(
    () => texts.pop() ?? "",
    ...NODE,
    "--config=/dev/fd/63",
  );
  assertStringIncludes(stdout, " --region=us-west-2=us-iso-west-1");
});

Deno.test("manifests warns of an image without registry or digest, on standard error only", async () => {
  for (const kind of ["machineconfig", "daemonset"]) {
    for (
      const [image, says] of [
        [IMAGE, /^$/],
        [`c2s-imds${DIGEST}`, /^warning: [^\n]* names no registry[^\n]*\n$/],
        ["example.com/a:1", /^warning: example.com\/a:1 has no digest.*\n$/],
      ] as const
    ) {
      const { stdout, stderr } = await make(kind, `--image=${image}`);
      assertMatch(stderr, says);
      assert(!stdout.includes("warning"));
    }
  }
});

Deno.test("manifests lets a DaemonSet and a plain host keep the rule", async () => {
  const daemonSet = await make(
    "daemonset",
    `--image=${IMAGE}`,
    "--on-stop=keep",
  );
  assertStringIncludes(daemonSet.stdout, "- '--on-stop=keep'\n");
  const { stdout } = await make("systemd", "--on-stop=keep", "--user=nobody");
  assertEquals(valuesOf(parseUnit(stdout), "[Service] ExecStart"), [
    `/usr/local/bin/c2s-imds serve --iptables ${DEFAULT} --user=nobody --on-stop=keep`,
  ]);
  assert(!stdout.includes("ExecStopPost"));
  for (const flags of [[], ["--on-stop=remove"]]) {
    assertStringIncludes(
      (await make("systemd", ...flags)).stdout,
      "; then exec /usr/local/bin/c2s-imds iptables remove; fi'\n",
    );
  }
});

Deno.test("manifests daemonset --monitoring leads kube-rbac-proxy to where the proxy answers", async () => {
  const daemonSet = ["daemonset", `--image=${IMAGE}`];
  for (
    const [flags, admin, image] of [
      [[], "127.0.0.1:4001", "quay.io/brancz/kube-rbac-proxy:v0.19.1"],
      [
        ["--admin=[::1]:4100", `--rbac-proxy-image=example.com/g${DIGEST}`],
        "[::1]:4100",
        `example.com/g${DIGEST}`,
      ],
    ] as const
  ) {
    const made = await make(...daemonSet, "--monitoring", ...flags);
    for (
      const part of [
        `- '--admin=${admin}'\n`,
        `- '--upstream=http://${admin}/'\n`,
        `- name: kube-rbac-proxy\n          image: '${image}'\n`,
        "\nkind: ServiceMonitor\n",
      ]
    ) assertStringIncludes(made.stdout, part);
    assertEquals(made.stderr.includes("has no digest"), !image.includes("@"));
  }
  const { stdout } = await make(...daemonSet);
  for (const part of ["--admin", "kube-rbac-proxy", "cluster-monitoring"]) {
    assert(!stdout.includes(part));
  }
});

const POOL = NODE.join(" ");

const REFUSED: readonly (readonly [line: string, message: string])[] = [
  ["", "No manifest: expected machineconfig, daemonset, systemd"],
  ["pod", 'Unknown manifest "pod"'],
  ["machineconfig", "No --image: machineconfig needs the image to run"],
  ["daemonset", "No --image: daemonset needs the image to run"],
  ["systemd --image=a", "Cannot use --image with systemd"],
  ["daemonset --image=a --role=b", "Cannot use --role with daemonset"],
  ["systemd --install-dir=/a", "with systemd: it is for machineconfig"],
  ["systemd --monitoring", "Cannot use --monitoring with systemd"],
  [
    "daemonset --image=a --rbac-proxy-image=b",
    "Cannot use --rbac-proxy-image without --monitoring",
  ],
  [
    "daemonset --image=a --monitoring --rbac-proxy-image=b;c",
    'Cannot use "b;c" for --rbac-proxy-image',
  ],
  [
    "daemonset --image=a --monitoring --admin=127.0.0.1:0",
    "a fixed port with --monitoring",
  ],
  ["daemonset --image=a;b", 'Cannot use "a;b" for --image'],
  [`${POOL} --role=A`, 'Cannot use "A" for --role'],
  [`${POOL} --region=us-east-2=b;reboot`, "for --region"],
  [`${POOL} --region=none`, "none would be waited for in vain"],
  ["daemonset --image=a --region=none", "would be waited for in vain"],
  [`${POOL} --on-stop=remove`, 'Cannot use "remove" for --on-stop'],
  [`${POOL} --user=nobody`, "a uid from 1 to 4294967294"],
  [`${POOL} --user=0`, "uid 0 would exempt"],
  ["systemd --user=%u", 'Cannot use "%u" for --user'],
  ["systemd --user=$USER", 'Cannot use "$USER" for --user'],
  ["systemd --user=a;b", "for --user"],
  ["systemd --user=a$", "letters, digits and any of"],
  [`${POOL} --listen=127.0.0.1:80`, "for --listen: expected a port from 1024"],
  [
    "systemd --listen=127.0.0.1:4000 --listen=[::1]:1023",
    'Cannot use "[::1]:1023" for --listen: expected a port from 1024',
  ],
  ["systemd --admin=127.0.0.1:81", "for --admin: expected a port from 1024"],
  [`${POOL} --listen=127.0.0.1:0`, "a fixed port on 127.0.0.1"],
  ["systemd --listen=[::1]:4000", "a fixed port on 127.0.0.1"],
  [`${POOL} --timeout=no`, 'Cannot use "no" for --timeout'],
  [`${POOL} --bogus`, 'Unknown option "--bogus"'],
  [`${POOL} --install-dir=/nonexistent`, "for --install-dir: no such folder"],
];

Deno.test("manifests refuses what serve would refuse there, and what a unit would read", async () => {
  for (const [line, message] of REFUSED) {
    const args = line.split(" ").filter((it) => it !== "");
    await assertRejects(() => make(...args), UsageError, message);
  }
  for (const user of ["a b", "a\nb", "a\\b", "a'b"]) {
    const making = () => make("systemd", `--user=${user}`);
    await assertRejects(making, UsageError, "for --user");
  }
});

Deno.test("manifests refuses what is in a file that no node has", async () => {
  for (
    const [flag, yaml, message] of [
      ["--profile=./p.yaml", "base: c2s", '"./p.yaml" for --profile'],
      ["--config=c.yaml", `overrides: {"*/a": {status: 404}}`, '"overrides"'],
    ] as const
  ) {
    const making = () => makeFrom(() => yaml, ...NODE, flag);
    const { message: said } = await assertRejects(making, UsageError, message);
    assertStringIncludes(said, "in a manifest, which has no file beside it");
  }
});

/** A folder as `openshift-install create manifests` of 4.9 leaves it. */
async function installFolder() {
  const folder = await createFolder();
  const { path } = folder;
  const files: Record<string, string> = {
    "manifests/cluster-config.yaml": "kind: ConfigMap\n",
    "manifests/cluster-infrastructure-02-config.yml": "kind: Infrastructure\n",
    "manifests/cloud-provider-config.yaml":
      "apiVersion: v1\ndata:\n  ca-bundle.pem: |\n    x\nkind: ConfigMap\n",
    "openshift/99-worker-c2s-imds.yaml": "older\n",
  };
  for (const [file, text] of Object.entries(files)) {
    await Deno.mkdir(`${path}/${file.split("/")[0]}`, { recursive: true });
    await Deno.writeTextFile(`${path}/${file}`, text, { mode: 0o600 });
  }
  return {
    path,
    files,
    read() {
      const found: Record<string, string> = {};
      for (const room of ["manifests", "openshift"]) {
        for (const { name } of Deno.readDirSync(`${path}/${room}`)) {
          const file = `${room}/${name}`;
          found[file] = Deno.readTextFileSync(`${path}/${file}`);
        }
      }
      return found;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("manifests --install-dir writes what openshift-install takes up, keeps modes, and writes nothing twice", async () => {
  await using folder = await installFolder();
  const install = () => make(...NODE, `--install-dir=${folder.path}`);
  assertEquals(
    (await install()).stdout,
    `Wrote openshift/99-master-c2s-imds.yaml
Replaced openshift/99-worker-c2s-imds.yaml
Added "config" to manifests/cloud-provider-config.yaml
`,
  );
  const written = folder.read();
  const [master, worker] = (await make(...NODE)).stdout.split("---\n");
  assertEquals<unknown>(written, {
    ...folder.files,
    "openshift/99-master-c2s-imds.yaml": master,
    "openshift/99-worker-c2s-imds.yaml": worker,
    "manifests/cloud-provider-config.yaml":
      "apiVersion: v1\ndata:\n  config: |\n    [Global]\n  ca-bundle.pem: |\n    x\nkind: ConfigMap\n",
  });
  for (const [pool, mode] of [["master", 0o640], ["worker", 0o600]] as const) {
    const file = `${folder.path}/openshift/99-${pool}-c2s-imds.yaml`;
    assertEquals((Deno.statSync(file).mode ?? 0) & 0o777, mode);
  }
  assertEquals(
    (await install()).stdout,
    `Left openshift/99-master-c2s-imds.yaml: it is the same already
Left openshift/99-worker-c2s-imds.yaml: it is the same already
Left manifests/cloud-provider-config.yaml: it has "config" already
`,
  );
  assertEquals(folder.read(), written);
  await Deno.remove(`${folder.path}/manifests/cloud-provider-config.yaml`);
  assertStringIncludes((await install()).stdout, "nothing to add to it\n");
});

Deno.test("manifests --install-dir changes nothing when it refuses", async () => {
  await using folder = await installFolder();
  const cloud = `${folder.path}/manifests/cloud-provider-config.yaml`;
  await Deno.writeTextFile(cloud, "kind: Secret\n");
  const before = folder.read();
  await assertRejects(
    () => make(...NODE, `--install-dir=${folder.path}`),
    UsageError,
    'Cannot add "config" to "manifests/cloud-provider-config.yaml"',
  );
  assertEquals(folder.read(), before);
});

const RENDERED = await renderedFiles();

Deno.test("deploy/ has the manifests that the defaults make, and no others", () => {
  const rooms = ["rendered", "kustomize", "monitoring/alerts.yaml"];
  const files = rooms.flatMap((room) => sourceFiles(`deploy/${room}`));
  assertEquals(
    Object.fromEntries(files.map(({ path, text }) => [path, text])),
    Object.fromEntries(
      Object.entries(RENDERED).map(([path, text]) => [`deploy/${path}`, text]),
    ),
    "Renew them: deno task render",
  );
});

testWith([{ python: "yaml", from: "python3-yaml" }])(
  "Python reads every manifest as this program means it",
  async () => {
    const script =
      "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    for (const [path, stdout] of Object.entries(RENDERED)) {
      if (!path.endsWith(".yaml")) continue;
      const read = await systemRunner(["/usr/bin/python3", "-c", script], {
        stdin: stdout,
      });
      assert(typeof read !== "string", "Python runs");
      const documents = stdout.split("---\n").map((text) => parse(text));
      assertEquals(JSON.parse(read.stdout), documents);
    }
  },
);

Deno.test("manifests' help names every flag that it passes on", () => {
  const decided = ["iptables", "address", "arp-ignore"];
  for (const { name } of SERVE_SETTINGS) {
    assertEquals(
      manifests.help.includes(`--${name} `),
      !decided.includes(name),
      name,
    );
  }
});

Deno.test("c2s-imds manifests prints a machine config and ends with 0", async () => {
  const { code, stdout, stderr } = await runProgram(["manifests", ...NODE]);
  assertEquals([code, stderr], [EXIT.OK, ""]);
  assertEquals(
    stdout,
    sourceFiles("deploy/rendered/machineconfig.yaml")[0]?.text,
  );
});
