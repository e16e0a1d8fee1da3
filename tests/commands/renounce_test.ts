/**
 * What the child of `serve` gives up is gone, tried in a process of its own
 * with the permissions of the executable.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { permissionFlags } from "../../deploy/permissions.ts";
import { ownCommand } from "../../lib/supervisor/own_command.ts";

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

/** How each attempt ends. */
async function tryAll(
  flags: readonly string[],
): Promise<Record<string, string>> {
  const place = new URL("../../lib/commands/renounce.ts", import.meta.url);
  const attempts = Object.entries(ATTEMPTS).map(([name, attempt]) =>
    `try { ${attempt}; found[${JSON.stringify(name)}] = "done"; } ` +
    `catch (error) { found[${JSON.stringify(name)}] = kindOf(error); }`
  );
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      `import { renounce } from ${JSON.stringify(place.href)};
renounce();
const found = {};
// An import that may not be fails as a module that cannot be loaded.
const kindOf = ({ name, message }) =>
  /^Requires \\w+ access/.test(message) ? "NotCapable" : name + message;
${attempts.join("\n")}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(found)));
`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check", "--no-config"],
        ...flags,
        file,
      ],
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (text === "") throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(file);
  }
}

const EXPECTED = Object.fromEntries(
  Object.keys(ATTEMPTS).map((name) =>
    [name, ["net", "sys"].includes(name) ? "done" : "NotCapable"] as const
  ),
);

Deno.test("renounce() leaves net and sys alone of what the executable may do", async () => {
  assertEquals(await tryAll(permissionFlags()), EXPECTED);
});

Deno.test("renounce() leaves net and sys alone of what the child from source may do", async () => {
  const flags = ownCommand({}).args.filter((arg) => arg.startsWith("--allow"));
  assertEquals(await tryAll(flags), EXPECTED);
});
