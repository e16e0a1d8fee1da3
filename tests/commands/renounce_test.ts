/**
 * What `serve` and its child give up is gone, tried in a process of its own
 * with the permissions of the executable.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { permissionFlags, PERMISSIONS } from "../../deploy/permissions.ts";
import { RENOUNCED } from "../../lib/commands/renounce.ts";
import { ownCommand } from "../../lib/supervisor/own_command.ts";
import { REPOSITORY } from "../helpers/files.ts";
import { importFlags } from "../helpers/program.ts";

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

/** Where a file of lib/commands/ is, as a string of a script. */
function command(file: string): string {
  return JSON.stringify(
    new URL(`../../lib/commands/${file}`, import.meta.url).href,
  );
}

/** What a script found out, which it says with `tell`. */
async function run(
  flags: readonly string[],
  script: string,
): Promise<unknown> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      `${script}
function tell(found) {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(found)));
}
`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--no-check", ...flags, file],
      stdin: "null",
      signal: AbortSignal.timeout(30_000),
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (text === "") throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(file);
  }
}

/** How each attempt ends, once a list of renounce.ts is given up. */
function tryAll(flags: readonly string[], list: string): Promise<unknown> {
  const attempts = Object.entries(ATTEMPTS).map(([name, attempt]) =>
    `try { ${attempt}; found[${JSON.stringify(name)}] = "done"; } ` +
    `catch (error) { found[${JSON.stringify(name)}] = kindOf(error); }`
  );
  return run(
    ["--no-config", ...flags],
    `import { renounce, ${list} } from ${command("renounce.ts")};
renounce(${list});
const found = {};
// An import that may not be fails as a module that cannot be loaded.
const kindOf = ({ name, message }) =>
  /^Requires \\w+ access/.test(message) ? "NotCapable" : name + message;
${attempts.join("\n")}
tell(found);`,
  );
}

const EXPECTED = Object.fromEntries(
  Object.keys(ATTEMPTS).map((name) =>
    [name, ["net", "sys"].includes(name) ? "done" : "NotCapable"] as const
  ),
);

Deno.test("renounce() leaves net and sys alone of what the executable may do", async () => {
  assertEquals(await tryAll(permissionFlags(), "RENOUNCED"), EXPECTED);
});

Deno.test("renounce() leaves net and sys alone of what the child from source may do", async () => {
  const flags = ownCommand({}).args.filter((arg) => arg.startsWith("--allow"));
  assertEquals(await tryAll(flags, "RENOUNCED"), EXPECTED);
});

const DONE = ["read", "run", "run of itself", "env", "net", "sys"];

Deno.test("renounce() takes from serve what it never needs, and nothing that it does", async () => {
  const found = await tryAll(permissionFlags(), "NEVER_NEEDED") as Record<
    string,
    string
  >;
  const ended = (end: string) =>
    Object.keys(found).filter((name) => found[name] === end);
  assertEquals(
    DONE.filter((name) => !ended("done").includes(name)),
    [],
    JSON.stringify(found),
  );
  assertEquals(
    ["write", "ffi", "import"].filter((it) =>
      !ended("NotCapable").includes(it)
    ),
    [],
    JSON.stringify(found),
  );
});

/**
 * What `serve` may do at two moments: when it reads its configuration, and when
 * it says where it listens. There it is stopped.
 */
async function rightsOfServe(
  flags: readonly string[],
  args: readonly string[],
): Promise<{ reading: readonly string[]; listening?: readonly string[] }> {
  const names = ["net", "sys", ...RENOUNCED];
  return await run(
    [
      `--config=${new URL("deno.json", REPOSITORY).pathname}`,
      ...importFlags(),
      "--frozen",
      ...flags,
    ],
    `import { serve } from ${command("serve.ts")};
const found = {};
const rights = () => ${JSON.stringify(names)}.filter((name) =>
  Deno.permissions.querySync(
    name === "run" ? { name, command: "cat" } : { name, kind: "uid" },
  ).state === "granted"
).sort();
await serve.run(${JSON.stringify(args)}, {
  env: {},
  build: { imports: "npm" },
  terminal: false,
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
  ) as { reading: readonly string[]; listening?: readonly string[] };
}

const PLAIN = [
  "--config=c.yaml",
  "--listen=127.0.0.1:0",
  "--upstream=http://127.0.0.1:9",
];
const STARTING = ["env", "net", "read", "run", "sys"];

Deno.test("serve without a child begins without what it never needs, and listens without env", async () => {
  const flags = permissionFlags();
  assertEquals(PERMISSIONS.some(({ name }) => name === "write"), true);
  assertEquals(await rightsOfServe(flags, PLAIN), {
    reading: STARTING,
    listening: ["net", "read", "run", "sys"],
  });
  assertEquals(
    await rightsOfServe(flags, [...PLAIN, "--admin=127.0.0.1:0"]),
    { reading: STARTING, listening: ["net", "read", "run", "sys"] },
  );
});

Deno.test("serve without a child keeps env where it looks for its upstream", async () => {
  const args = [...PLAIN.slice(0, 2), "--upstream=cloudstack:lo"];
  assertEquals(await rightsOfServe(permissionFlags(), args), {
    reading: STARTING,
    listening: STARTING,
  });
});

Deno.test("serve --iptables begins without what it never needs", async () => {
  // No user has that name, so that it ends before it looks at any rule.
  const args = [...PLAIN, "--iptables", "--user=no-such-user"];
  assertEquals(
    (await rightsOfServe(permissionFlags(), args)).reading,
    STARTING,
  );
});

Deno.test("serve begins without what it never needs when Deno was told to allow everything", async () => {
  assertEquals((await rightsOfServe(["-A"], PLAIN)).reading, STARTING);
});
