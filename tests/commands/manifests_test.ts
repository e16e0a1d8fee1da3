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
import { SERVE_SETTINGS } from "../../lib/config/serve_options.ts";
import { sourceFiles } from "../helpers/files.ts";
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
  const written = { stdout: "", stderr: "" };
  const io: Io = {
    env: { C2S_IMDS_REGION: "none", C2S_IMDS_TIMEOUT: "3" },
    build: { imports: "npm" },
    terminal: false,
    stdout: (text) => written.stdout += text,
    stderr: (text) => written.stderr += text,
    readTextFile,
    flush: () => Promise.resolve(),
    onSignal: () => () => {},
  };
  assertEquals(await manifests.run(args, io), EXIT.OK);
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

for (
  const [flags, serve, check] of [
    [[], `${DEFAULT} --on-stop=keep`, DEFAULT],
    [["--on-stop=keep"], `${DEFAULT} --on-stop=keep`, DEFAULT],
    [
      ["--region", "us-east-2=b-1", "--region", "us-west-2=d-1"],
      "--region=us-east-2=b-1 --region=us-west-2=d-1 --on-stop=keep",
      "--region=us-east-2=b-1 --region=us-west-2=d-1",
    ],
    [
      ["--emulatedRegion=us-iso-west-1", "--port=4100"],
      "--listen=127.0.0.1:4100 --region=us-east-1=us-iso-west-1 --on-stop=keep",
      "--region=us-east-1=us-iso-west-1",
    ],
    [
      ["--listen=[::1]:4000", "--listen=127.0.0.1:4001", "--user=20000"],
      `--listen=[::1]:4000 --listen=127.0.0.1:4001 ${DEFAULT} --user=20000 --on-stop=keep`,
      `${DEFAULT} --user=20000`,
    ],
    [
      ["--backend=legacy"],
      `${DEFAULT} --backend=legacy --on-stop=keep`,
      `${DEFAULT} --backend=legacy`,
    ],
    [
      ["--listen=0.0.0.0:4000", "--listen-anywhere", "--cache=0"],
      `--listen=0.0.0.0:4000 --listen-anywhere=true ${DEFAULT} --cache=0 --on-stop=keep`,
      DEFAULT,
    ],
    [
      ["--config=c2s-imds.yaml", "--log-format=json", "--on-crash=remove"],
      "--region=us-west-2=us-iso-west-1 --timeout=7 --on-stop=keep --on-crash=remove --log-format=json",
      "--region=us-west-2=us-iso-west-1",
    ],
    [
      ["--config=c2s-imds.yaml", "--timeout=1"],
      "--region=us-west-2=us-iso-west-1 --timeout=1 --on-stop=keep",
      "--region=us-west-2=us-iso-west-1",
    ],
    [
      ["--upstream=http://[fd00:ec2::254]", "--rewrite=all"],
      `--upstream=http://[fd00:ec2::254] ${DEFAULT} --rewrite=all --on-stop=keep`,
      DEFAULT,
    ],
  ] as const
) {
  Deno.test(`manifests passes ${flags.join(" ") || "the defaults"} on to serve and check`, async () => {
    assertEquals(await madeFor(...flags), {
      serve: `serve --iptables ${serve}`,
      check,
    });
  });
}

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

Deno.test("manifests warns of an image without a registry", async () => {
  const named = await make("daemonset", `--image=c2s-imds${DIGEST}`);
  assertStringIncludes(named.stderr, "names no registry");
  assertEquals((await make("daemonset", `--image=${IMAGE}`)).stderr, "");
});

Deno.test("manifests warns of an image without a digest, on standard error only", async () => {
  for (const kind of ["machineconfig", "daemonset"]) {
    const tagged = await make(kind, "--image=registry.example.com/a:1");
    assertMatch(
      tagged.stderr,
      /^warning: registry\.example\.com\/a:1 has no digest[^\n]*\n$/,
    );
    assert(!tagged.stdout.includes("warning"));
    assertEquals((await make(kind, `--image=${IMAGE}`)).stderr, "");
  }
});

/** What a client of the Kubernetes API sends. */
interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly updateStrategy: unknown;
    readonly template: {
      readonly metadata: { readonly annotations: unknown };
      readonly spec: Readonly<Record<string, unknown>> & {
        readonly containers: readonly {
          readonly image: string;
          readonly args: readonly string[];
        }[];
      };
    };
  };
}

Deno.test("manifests daemonset makes the pods that every node can run", async () => {
  const { stdout } = await make("daemonset", `--image=${IMAGE}`);
  const objects = stdout.split("---\n").map((text) =>
    parse(text) as KubernetesObject
  );
  assertEquals(objects.map(({ kind }) => kind), [
    "Namespace",
    "ServiceAccount",
    "RoleBinding",
    "DaemonSet",
  ]);
  const spec = objects[3]?.spec;
  assertEquals(spec?.updateStrategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "10%" },
  });
  assertEquals(spec?.template.metadata.annotations, {
    "openshift.io/required-scc": "privileged",
  });
  const pod = spec?.template.spec;
  assertEquals(pod?.hostNetwork, true);
  assertEquals(pod?.priorityClassName, "system-node-critical");
  assertEquals(pod?.tolerations, [{ operator: "Exists" }]);
  assertEquals(pod?.enableServiceLinks, false);
  assertEquals(pod?.containers[0]?.image, IMAGE);
  assertEquals(pod?.containers[0]?.args, [
    "serve",
    "--iptables",
    DEFAULT,
    "--on-stop=remove",
  ]);
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

const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [[], "No manifest: expected machineconfig, daemonset, systemd"],
  [["pod"], 'Unknown manifest "pod"'],
  [["systemd", "more"], 'Unexpected argument "more": see --help'],
  [["machineconfig"], "No --image: machineconfig needs the image to run"],
  [["daemonset"], "No --image: daemonset needs the image to run"],
  [["systemd", "--image=a"], "Cannot use --image with systemd"],
  [["daemonset", "--image=a", "--role=b"], "Cannot use --role with daemonset"],
  [
    ["systemd", "--install-dir=/a"],
    "Cannot use --install-dir with systemd: it is for machineconfig",
  ],
  [["daemonset", "--image=a b"], 'Cannot use "a b" for --image'],
  [["daemonset", "--image=a\n[Service]"], "for --image"],
  [[...NODE, "--role=A"], 'Cannot use "A" for --role'],
  [[...NODE, "--region=a"], 'Cannot use "a" for --region'],
  [[...NODE, "--region=us-east-2=b;reboot"], "for --region"],
  [[...NODE, "--region=none"], "none would be waited for in vain"],
  [["daemonset", "--image=a", "--region=none"], "would be waited for in vain"],
  [[...NODE, "--on-stop=remove"], 'Cannot use "remove" for --on-stop'],
  [[...NODE, "--user=nobody"], "a uid from 1 to 4294967294"],
  [[...NODE, "--user=4294967295"], "a uid from 1 to 4294967294"],
  [[...NODE, "--user=0"], "uid 0 would exempt"],
  [["systemd", "--user=root"], "uid 0 would exempt"],
  [["systemd", "--user=a b"], 'Cannot use "a b" for --user'],
  [["systemd", "--user=%u"], 'Cannot use "%u" for --user'],
  [["systemd", "--user=$USER"], 'Cannot use "$USER" for --user'],
  [["systemd", "--user=a'"], "for --user"],
  [["systemd", '--user=a"'], "for --user"],
  [["systemd", "--user=a;b"], "for --user"],
  [["systemd", "--user=010"], "a uid from 1 to 4294967294"],
  [["systemd", "--user=a\nb"], "for --user"],
  [["systemd", "--user=a\\b"], "for --user"],
  [
    [...NODE, "--listen=127.0.0.1:80"],
    'Cannot use "127.0.0.1:80" for --listen: expected a port from 1024',
  ],
  [
    ["systemd", "--listen=127.0.0.1:4000", "--listen=[::1]:1023"],
    'Cannot use "[::1]:1023" for --listen: expected a port from 1024',
  ],
  [
    ["systemd", "--admin=127.0.0.1:81"],
    'Cannot use "127.0.0.1:81" for --admin: expected a port from 1024',
  ],
  [[...NODE, "--listen=127.0.0.1:0"], "a fixed port on 127.0.0.1"],
  [["systemd", "--listen=[::1]:4000"], "a fixed port on 127.0.0.1"],
  [[...NODE, "--listen=10.0.0.1:4000"], "a loopback address"],
  [[...NODE, "--timeout=no"], 'Cannot use "no" for --timeout'],
  [[...NODE, "--bogus"], 'Unknown option "--bogus"'],
  [
    [...NODE, "--install-dir=/nonexistent"],
    'Cannot use "/nonexistent" for --install-dir: no such folder',
  ],
];

Deno.test("manifests refuses before it warns of an image without digest", async () => {
  const { code, stderr } = await runProgram([
    ...[
      "manifests",
      "machineconfig",
      "--image=a",
      "--install-dir=/nonexistent",
    ],
  ]);
  assertEquals([code, stderr], [
    2,
    'c2s-imds: Cannot use "/nonexistent" for --install-dir: no such folder\n',
  ]);
});

for (const [args, message] of REFUSED) {
  Deno.test(`manifests refuses ${JSON.stringify(args.join(" ")).replaceAll("0".repeat(64), "…")}`, async () => {
    await assertRejects(() => make(...args), UsageError, message);
  });
}

/** A folder as `openshift-install create manifests` of 4.9 leaves it. */
async function installFolder() {
  const path = await Deno.makeTempDir({ prefix: "c2s-imds-install-" });
  for (const room of ["manifests", "openshift"]) {
    await Deno.mkdir(`${path}/${room}`);
  }
  const files: Record<string, string> = {
    ".openshift_install.log": "level=info\n",
    "manifests/cluster-config.yaml": "kind: ConfigMap\n",
    "manifests/cluster-infrastructure-02-config.yml": "kind: Infrastructure\n",
    "manifests/cloud-provider-config.yaml":
      "apiVersion: v1\ndata:\n  ca-bundle.pem: |\n    x\nkind: ConfigMap\n",
    "openshift/99_openshift-machineconfig_99-worker-ssh.yaml": "kind: x\n",
  };
  for (const [file, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${file}`, text, { mode: 0o640 });
  }
  return {
    path,
    files,
    async read() {
      const found: Record<string, string> = {};
      for (const room of [".", "manifests", "openshift"]) {
        for await (const { name, isFile } of Deno.readDir(`${path}/${room}`)) {
          const file = room === "." ? name : `${room}/${name}`;
          if (isFile) found[file] = await Deno.readTextFile(`${path}/${file}`);
        }
      }
      return found;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("manifests --install-dir writes what openshift-install takes up, and nothing twice", async () => {
  await using folder = await installFolder();
  const install = () => make(...NODE, `--install-dir=${folder.path}`);
  assertEquals(
    (await install()).stdout,
    `Wrote openshift/99-master-c2s-imds.yaml
Wrote openshift/99-worker-c2s-imds.yaml
Added "config" to manifests/cloud-provider-config.yaml
`,
  );
  const written = await folder.read();
  const [master = "", worker = ""] = (await make(...NODE)).stdout
    .split("---\n");
  assertEquals(written, {
    ...folder.files,
    "openshift/99-master-c2s-imds.yaml": master,
    "openshift/99-worker-c2s-imds.yaml": worker,
    "manifests/cloud-provider-config.yaml":
      "apiVersion: v1\ndata:\n  config: |\n    [Global]\n  ca-bundle.pem: |\n    x\nkind: ConfigMap\n",
  });
  assertEquals(
    (await install()).stdout,
    `Left openshift/99-master-c2s-imds.yaml: it is the same already
Left openshift/99-worker-c2s-imds.yaml: it is the same already
Left manifests/cloud-provider-config.yaml: it has "config" already
`,
  );
  assertEquals(await folder.read(), written);
});

Deno.test("manifests --install-dir replaces an older version and keeps modes", async () => {
  await using folder = await installFolder();
  const file = `${folder.path}/openshift/99-worker-c2s-imds.yaml`;
  await Deno.writeTextFile(file, "older\n", { mode: 0o600 });
  const { stdout } = await make(
    ...NODE,
    "--role=worker",
    `--install-dir=${folder.path}`,
  );
  assertStringIncludes(stdout, "Replaced openshift/99-worker-c2s-imds.yaml\n");
  assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("manifests --install-dir changes nothing when it refuses", async () => {
  await using folder = await installFolder();
  const cloud = `${folder.path}/manifests/cloud-provider-config.yaml`;
  await Deno.writeTextFile(cloud, "kind: Secret\n");
  const before = await folder.read();
  await assertRejects(
    () => make(...NODE, `--install-dir=${folder.path}`),
    UsageError,
    'Cannot add "config" to "manifests/cloud-provider-config.yaml"',
  );
  assertEquals(await folder.read(), before);
});

/** How the files of deploy/rendered are made. */
const RENDERED: readonly (readonly [file: string, args: readonly string[]])[] =
  [
    ["machineconfig.yaml", ["machineconfig", "--image", IMAGE]],
    ["daemonset.yaml", ["daemonset", "--image", IMAGE]],
    ["c2s-imds.service", ["systemd"]],
  ];

for (const [file, args] of RENDERED) {
  Deno.test(`deploy/rendered/${file} is what the defaults make`, async () => {
    const path = `deploy/rendered/${file}`;
    assertEquals(
      sourceFiles(path)[0]?.text,
      (await make(...args)).stdout,
      `Renew it: deno task c2s-imds manifests ${args.join(" ")} > ${path}`,
    );
  });
}

testWith([{ python: "yaml", from: "python3-yaml" }])(
  "Python reads every manifest as this program means it",
  async () => {
    for (const [, args] of RENDERED.slice(0, 2)) {
      const { stdout } = await make(...args);
      const python = new Deno.Command("/usr/bin/python3", {
        args: [
          "-c",
          "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))",
        ],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const input = python.stdin.getWriter();
      await input.write(new TextEncoder().encode(stdout));
      await input.close();
      const { stdout: read } = await python.output();
      assertEquals(
        JSON.parse(new TextDecoder().decode(read)),
        stdout.split("---\n").map((text) => parse(text)),
      );
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

Deno.test("c2s-imds manifests ends with 2 and one line when there is no image", async () => {
  assertEquals(await runProgram(["manifests", "daemonset"]), {
    code: EXIT.USAGE,
    stdout: "",
    stderr: "c2s-imds: No --image: daemonset needs the image to run\n",
  });
});
