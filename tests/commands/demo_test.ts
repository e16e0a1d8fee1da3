import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { EXIT, type Io } from "../../lib/cli/command.ts";
import { demo } from "../../lib/commands/demo.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { fakeIo } from "../helpers/io.ts";
import { programArguments } from "../helpers/installed.ts";
import { startProgram } from "../helpers/program.ts";
import { testWith } from "../helpers/requires.ts";

/** The line of the table that begins with a path. */
function row(stdout: string, path: string): string {
  return stdout.split("\n").find((line) => line.startsWith(`  ${path} `)) ?? "";
}

/** The two addresses that the demo names. */
function urlsOf(stdout: string): string[] {
  const named = /(?:directly at|through c2s-imds at) (http:\/\/[\d.:]+\d)/g;
  return Array.from(stdout.matchAll(named), ([, url = ""]) => url);
}

/** What a demo on such a terminal prints. */
async function print(
  world: Partial<Pick<Io, "columns" | "env">> = {},
): Promise<string> {
  const { io, written } = fakeIo(world);
  assertEquals(await demo.run([], io), EXIT.OK);
  assertEquals(written.stderr, "");
  return written.stdout;
}

const SAME = /^ {2}\S+ +(\S.*?) {4,}\1$/;

const ROWS: readonly (readonly [path: string, RegExp])[] = [
  ["placement/region", / us-east-1 +→ us-iso-east-1$/],
  ["placement/availability-zone", / us-east-1a +→ us-iso-east-1a$/],
  [
    "instance-identity/document",
    / region: us-east-1 +→ region: us-iso-east-1$/,
  ],
  ["meta_data.json", /_zone: us-east-1a +→ availability_zone: us-iso-east-1a$/],
  ["user-data", /gzip, \d+ bytes +the same to the byte$/],
  ["instance-id", SAME],
  ["placement/availability-zone-id", SAME],
  ["services/domain", SAME],
  ["local-hostname", SAME],
  ["iam/security-credentials/", SAME],
  ["tags/instance/Name", SAME],
  ["security-groups", SAME],
  ["spot/instance-action", SAME],
];

Deno.test("demo shows what changed and what did not, no credential, and leaves nothing listening", async () => {
  const stdout = await print();
  const [, , , ...lines] = stdout.split("\n");
  for (const line of lines) assert([...line].length <= 100, line);
  for (const [path, shown] of ROWS) assertMatch(row(stdout, path), shown);
  assertMatch(
    stdout,
    /iam\/security-\S+ +secret, \d+ bytes +the same to the byte\n/,
  );
  for (const secret of ["SECRET", "ASIA", "Token", "SecretAccessKey"]) {
    assertEquals(stdout.includes(secret), false, secret);
  }
  assertStringIncludes(
    stdout,
    "\n4 of 14 answers changed (→), the other 10 are the same to the byte.\n",
  );
  assertMatch(
    stdout,
    /\nNext: npx --yes deno@\S+ task c2s-imds demo --keep\b.*\n$/,
  );
  // Where something still listened, Deno would say that the test leaks it.
  assertEquals(urlsOf(stdout).length, 2);
});

Deno.test("demo says the same in colour on a terminal, unless NO_COLOR", async () => {
  const plain = (text: string) =>
    stripVTControlCharacters(text).replaceAll(/:\d{2,5}\b/g, ":PORT");
  const reference = await print();
  for (
    const [world, colour] of [
      [{}, false],
      [{ columns: 120, env: { NO_COLOR: "" } }, true],
      [{ columns: 120, env: { NO_COLOR: "1" } }, false],
    ] as const
  ) {
    const stdout = await print(world);
    assertEquals(stdout.includes("\x1b[1;32mus-iso-east-1\x1b[0m"), colour);
    assertEquals(stdout.includes("\x1b"), colour);
    assertEquals(plain(stdout), plain(reference));
  }
});

testWith([{ command: "script", from: "bsdutils" }])(
  "demo fits the terminal it is in",
  async () => {
    const command = [...programArguments(), "demo"].map((it) => `'${it}'`);
    const { stdout } = await new Deno.Command("script", {
      args: [
        ...["--quiet", "--command", `stty cols 57; ${command.join(" ")}`],
        "/dev/null",
      ],
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const shown = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
    assertEquals(shown.split("\n").filter((it) => [...it].length > 57), []);
    assertStringIncludes(shown, "\n  placement/region\n      us-east-1\n");
    assertEquals(urlsOf(shown.replaceAll("\n", " ")).length, 2);
  },
);

Deno.test("demo --keep goes on serving both until a signal", async () => {
  const { io, written, handlers, printed } = fakeIo();
  const ended = demo.run(["--keep"], io);
  await printed("Serving until");
  const [real = "", through = ""] = urlsOf(written.stdout);
  const [first] = written.stdout.split("\n");
  assertEquals(first, `c2s-imds listening on ${through}`);
  const target = "/latest/meta-data/placement/region";
  assertStringIncludes(written.stdout, `\nNext: curl ${through}${target}\n`);
  assertEquals(await (await fetch(real + target)).text(), "us-east-1");
  assertEquals(await (await fetch(through + target)).text(), "us-iso-east-1");
  handlers.get("SIGHUP")?.();
  assertEquals(await ended, EXIT.OK);
  assertEquals([handlers.size, written.stderr], [0, ""]);
});

Deno.test("demo refuses wrong usage before anything is printed", async () => {
  for (
    const [args, message] of [
      [["now"], '"now"'],
      [["--listen=127.0.0.1:0"], '"--listen"'],
    ] as const
  ) {
    const { io, written } = fakeIo();
    await assertRejects(() => demo.run(args, io), UsageError, message);
    assertEquals(written, { stdout: "", stderr: "" });
  }
});

Deno.test("c2s-imds demo --keep runs whatever proxies and settings the environment names, and ends with 0 at a signal right after its first line", async () => {
  const proxy = "http://127.0.0.1:9";
  const env = {
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    ALL_PROXY: proxy,
    NODE_USE_ENV_PROXY: "1",
    DENO_SERVE_ADDRESS: "tcp:0.0.0.0:9",
    C2S_IMDS_REGION: "none",
    C2S_IMDS_LISTEN: "127.0.0.1:9",
  };
  await using program = await startProgram(["demo", "--keep"], { env });
  const { code, stdout, stderr } = await program.stop("SIGTERM");
  assertEquals([code, stderr], [EXIT.OK, ""]);
  assertMatch(stdout, /^c2s-imds listening on http:\/\/127\.0\.0\.1:\d+\n/);
  assertMatch(row(stdout, "placement/region"), /→ us-iso-east-1$/);
});
