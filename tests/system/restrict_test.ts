/**
 * What `serve` and its child drop is gone, tried in a process of its own
 * with the permissions of the executable.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { permissionFlags, PERMISSIONS } from "../../deploy/permissions.ts";
import {
  DROPPED_BY_CHILD,
  redirectsConnections,
} from "../../lib/system/restrict.ts";
import { systemRunner } from "../../lib/system/runner.ts";
import { encodeLine } from "../../lib/supervisor/state.ts";
import { CONFIG } from "../supervisor/config.ts";
import { ownCommand } from "../../lib/supervisor/own_command.ts";
import { REPOSITORY } from "../helpers/files.ts";
import { importFlags } from "../../deploy/build.ts";

/** What the process tries, by name. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  read: `Deno.readTextFileSync("/etc/hostname")`,
  "read of itself": `Deno.readTextFileSync("/proc/self/status")`,
  write: `Deno.writeTextFileSync("/tmp/c2s-imds-never", "x")`,
  run: `new Deno.Command("cat", { args: ["/dev/null"] }).outputSync()`,
  "run of itself": `new Deno.Command("/proc/self/exe").outputSync()`,
  env: `Deno.env.get("PATH")`,
  "env, set": `Deno.env.set("HTTP_PROXY", "http://127.0.0.1:9")`,
  ffi: `Deno.dlopen("libc.so.6", {})`,
  import: `await import("http://127.0.0.1:9/x.js" + "")`,
  "import of a file": `await import("file:///etc/hostname" + "")`,
  "sys, more": `Deno.hostname()`,
  "signal to others": `Deno.kill(Deno.ppid, "SIGCONT")`,
  net: `Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()`,
  sys: `Deno.networkInterfaces()`,
};

/** Where a file of lib/ is, as a string of a script. */
function lib(file: string): string {
  return JSON.stringify(new URL(`lib/${file}`, REPOSITORY).href);
}

/** What a script found out, which it says with `tell`. */
async function run<Found>(
  flags: readonly string[],
  script: string,
): Promise<Found> {
  const argv = ["run", "--quiet", "--no-prompt", "--no-check", ...flags, "-"];
  const result = await systemRunner([Deno.execPath(), ...argv], {
    stdin: `${script}
function tell(found) {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(found)));
}
`,
    timeoutMs: 30_000,
  });
  if (typeof result === "string") throw new Error(result);
  if (result.stdout === "") throw new Error(result.stderr);
  return JSON.parse(result.stdout);
}

/** How each attempt ends, once a list of restrict.ts is dropped. */
function tryAll(
  flags: readonly string[],
  list: string,
): Promise<Record<string, string>> {
  const attempts = Object.entries(ATTEMPTS).map(([name, attempt]) =>
    `try { ${attempt}; found[${JSON.stringify(name)}] = "done"; } ` +
    `catch (error) { found[${JSON.stringify(name)}] = kindOf(error); }`
  );
  return run(
    ["--no-config", ...flags],
    `import { dropPermissions, ${list} } from ${lib("system/restrict.ts")};
dropPermissions(${list});
const found = {};
// An import that may not be fails as a module that cannot be loaded.
const kindOf = ({ name, message }) =>
  /^Requires \\w+ access/.test(message) ? "NotCapable" : name + message;
${attempts.join("\n")}
tell(found);`,
  );
}

Deno.test("dropPermissions() takes what it is told of what the executable or the child from source may do, and nothing else", async () => {
  const ofChild = ownCommand({}).args.filter((arg) =>
    arg.startsWith("--allow")
  );
  const others = ["read", "run", "run of itself", "env", "net", "sys"];
  const refused = Object.keys(ATTEMPTS)
    .filter((name) => name !== "net" && name !== "sys");
  for (
    const [flags, list, done, notCapable] of [
      [permissionFlags(), "DROPPED_BY_CHILD", ["net", "sys"], refused],
      [ofChild, "DROPPED_BY_CHILD", ["net", "sys"], refused],
      [permissionFlags(), "NEVER_NEEDED", others, ["write", "ffi", "import"]],
    ] as const
  ) {
    const found = await tryAll(flags, list);
    for (const name of done) assertEquals(found[name], "done", name);
    for (const name of notCapable) {
      assertEquals(found[name], "NotCapable", name);
    }
  }
});

/** What `serve` may do at two moments. */
interface Rights {
  /** When it reads its configuration. */
  readonly reading: readonly string[];
  /** When it says where it listens. There it is stopped. */
  readonly listening?: readonly string[];
}

/** What a script may do just now. */
const RIGHTS = `const rights = () => ${
  JSON.stringify(["net", "sys", ...DROPPED_BY_CHILD])
}.filter((name) =>
  Deno.permissions.querySync(
    name === "run" ? { name, command: "cat" } : { name, kind: "uid" },
  ).state === "granted"
).sort();`;

/** Runs a script that imports a subcommand. */
function runSource<Found>(
  flags: readonly string[],
  script: string,
): Promise<Found> {
  const config = `--config=${new URL("deno.json", REPOSITORY).pathname}`;
  return run(
    [config, ...importFlags(), "--frozen", ...flags],
    `${RIGHTS}
${script}`,
  );
}

function rightsOfServe(
  flags: readonly string[],
  args: readonly string[],
): Promise<Rights> {
  return runSource(
    flags,
    `import { serve } from ${lib("commands/serve.ts")};
const found = {};
await serve.run(${JSON.stringify(args)}, {
  env: {},
  build: { imports: "npm" },
  columns: undefined,
  stdout: () => {
    found.listening = rights();
  },
  stderr: () => {},
  flush: () => Promise.resolve(),
  readTextFile: () => {
    found.reading = rights();
    return "";
  },
  onSignal: (signal, handler) => {
    // It listens for signals once it has said where it listens.
    if (signal === "SIGTERM") setTimeout(handler);
    return () => {};
  },
}).catch(() => {});
tell(found);
Deno.exit();`,
  );
}

Deno.test("serve begins without what it never needs, and listens without env unless it looks for its upstream", async () => {
  assertEquals(PERMISSIONS.some(({ name }) => name === "write"), true);
  const plain = ["--config=c.yaml", "--listen=127.0.0.1:0"];
  const fixed = [...plain, "--upstream=http://127.0.0.1:9"];
  const reading = ["env", "net", "read", "run", "sys"];
  const listening = ["net", "read", "run", "sys"];
  for (
    const [flags, args, rights] of [
      [permissionFlags(), fixed, { reading, listening }],
      [["-A"], fixed, { reading, listening }],
      [permissionFlags(), [...plain, "--upstream=cloudstack:lo"], {
        reading,
        listening: reading,
      }],
      // No user has that name, so that it ends before it looks at any rule.
      [permissionFlags(), [...fixed, "--iptables", "--user=no-such-user"], {
        reading,
      }],
    ] as const
  ) assertEquals<Rights>(await rightsOfServe(flags, args), rights);
});

/** A desired state as the parent writes it. */
const TOLD = new TextDecoder().decode(encodeLine({
  config: { ...CONFIG, listen: [{ hostname: "127.0.0.1", port: 0 }] },
}));

Deno.test("serve-child drops what it does not need before it says where it listens, and serves nobody as root or where that fails", async () => {
  const script = `import { serveChild } from ${lib("commands/serve_child.ts")};
const found = [];
/** Runs it until it says what becomes of it, then takes its parent away. */
async function live(uid) {
  const said = {};
  let pipe;
  const readable = new ReadableStream({ start: (it) => { pipe = it; } });
  Object.defineProperty(Deno.stdin, "readable", { value: readable, configurable: true });
  pipe.enqueue(new TextEncoder().encode(${JSON.stringify(TOLD)}));
  Deno.uid = () => uid;
  const writeSync = Deno.stdout.writeSync;
  Deno.stdout.writeSync = (bytes) => {
    const { ports, failed } = JSON.parse(new TextDecoder().decode(bytes));
    if (failed !== undefined) said.failed = failed;
    if (ports === undefined || said.rights) return;
    said.rights = rights();
    pipe.close();
  };
  const code = await serveChild.run([], {
    build: {}, stderr: () => {}, onSignal: () => () => {},
  });
  Deno.stdout.writeSync = writeSync;
  found.push({ code, ...said });
}
await live(0);
const { revokeSync } = Deno.permissions;
Deno.permissions.revokeSync = () => ({ state: "granted" });
await live(10169);
Deno.permissions.revokeSync = revokeSync;
await live(10169);
tell(found);
Deno.exit();`;
  assertEquals(await runSource<unknown>(permissionFlags(), script), [
    { code: 1, failed: "The child still runs as root" },
    { code: 1, failed: 'Cannot drop the permission "write"' },
    { code: 0, rights: ["net", "sys"] },
  ]);
});

Deno.test("redirectsConnections() names what changes where requests go", () => {
  const redirecting = `HTTP_PROXY http_proxy HTTPS_PROXY ALL_PROXY all_proxy
    NO_PROXY no_proxy NODE_USE_ENV_PROXY NODE_OPTIONS DENO_SERVE_ADDRESS
    DENO_SERVE_ANYTHING_NEW`.split(/\s+/);
  const harmless = `PATH DENO_DIR MY_HTTP_PROXY HTTP_PROXY_HOST C2S_IMDS_LISTEN
    NODE_EXTRA_CA_CERTS`.split(/\s+/);
  assertEquals(redirecting.filter((name) => !redirectsConnections(name)), []);
  assertEquals(harmless.filter(redirectsConnections), []);
});
