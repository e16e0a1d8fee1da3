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
import { QUESTIONS } from "../../lib/demo/questions.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { fakeIo } from "../helpers/io.ts";
import { runProgram, startProgram } from "../helpers/program.ts";

/** The line of the table that begins with a path. */
function row(stdout: string, path: string): string {
  return stdout.split("\n").find((line) => line.startsWith(`  ${path} `)) ?? "";
}

/** The two addresses that the demo names. */
function urlsOf(stdout: string): string[] {
  return [
    ...stdout.matchAll(
      /(?:directly at|through c2s-imds at) (http:\/\/[\d.:]+\d)/g,
    ),
  ]
    .map(([, url = ""]) => url);
}

Deno.test("demo shows what changed and what did not, within 100 columns", async () => {
  const { io, written } = fakeIo();
  assertEquals(await demo.run([], io), EXIT.OK);
  const { stdout, stderr } = written;
  assertEquals(stderr, "");
  assertMatch(row(stdout, "placement/region"), / us-east-1 +→ us-iso-east-1$/);
  assertMatch(
    row(stdout, "placement/availability-zone"),
    / us-east-1a +→ us-iso-east-1a$/,
  );
  assertMatch(
    row(stdout, "instance-identity/document"),
    / region: us-east-1 +→ region: us-iso-east-1$/,
  );
  assertMatch(
    row(stdout, "meta_data.json"),
    / availability_zone: us-east-1a +→ availability_zone: us-iso-east-1a$/,
  );
  for (
    const path of [
      "instance-id",
      "placement/availability-zone-id",
      "services/domain",
      "local-hostname",
      "iam/security-credentials/",
      "tags/instance/Name",
      "security-groups",
      "spot/instance-action",
    ]
  ) assertMatch(row(stdout, path), /^ {2}\S+ +(\S.*?) {4,}\1$/);
  assertMatch(
    row(stdout, "user-data"),
    /gzip, \d+ bytes +the same to the byte$/,
  );
  assertStringIncludes(
    stdout,
    `\n4 of ${QUESTIONS.length} answers changed (→), the other ${
      QUESTIONS.length - 4
    } are the same to the byte.\n`,
  );
  assertMatch(
    stdout,
    /\nNext: npx --yes deno@\S+ task c2s-imds demo --keep\b.*\n$/,
  );
  for (const line of stdout.split("\n")) {
    assert([...line].length <= 100, line);
  }
});

Deno.test("demo shows no credential", async () => {
  const { io, written } = fakeIo();
  await demo.run([], io);
  assertMatch(
    written.stdout,
    /iam\/security-\S+ +secret, \d+ bytes +the same to the byte\n/,
  );
  for (const secret of ["SECRET", "ASIA", "Token", "SecretAccessKey"]) {
    assert(!(written.stdout + written.stderr).includes(secret), secret);
  }
});

Deno.test("demo says the same in colour on a terminal, unless NO_COLOR", async () => {
  const plain = (text: string) =>
    stripVTControlCharacters(text).replaceAll(/:\d{2,5}\b/g, ":PORT");
  const print = async (world: Partial<Pick<Io, "terminal" | "env">>) => {
    const { io, written } = fakeIo(world);
    await demo.run([], io);
    return written.stdout;
  };
  const reference = await print({});
  for (
    const [world, colour] of [
      [{}, false],
      [{ terminal: true }, true],
      [{ terminal: true, env: { NO_COLOR: "" } }, true],
      [{ terminal: true, env: { NO_COLOR: "1" } }, false],
    ] as const
  ) {
    const stdout = await print(world);
    assertEquals(stdout.includes("\x1b[1;32mus-iso-east-1\x1b[0m"), colour);
    assertEquals(stdout.includes("\x1b"), colour);
    assertEquals(plain(stdout), plain(reference));
  }
});

Deno.test("demo leaves nothing listening", async () => {
  const { io, written } = fakeIo();
  await demo.run([], io);
  const urls = urlsOf(written.stdout);
  assertEquals(urls.length, 2);
  for (const url of urls) {
    await assertRejects(
      () =>
        Deno.connect({
          hostname: "127.0.0.1",
          port: Number(url.split(":")[2]),
        }),
      Deno.errors.ConnectionRefused,
    );
  }
});

Deno.test("demo shows the region it is told to", async () => {
  const { io, written } = fakeIo();
  assertEquals(
    await demo.run(["--region", "us-east-1=us-isob-east-1"], io),
    EXIT.OK,
  );
  assertMatch(row(written.stdout, "placement/region"), /→ us-isob-east-1$/);
});

Deno.test("demo fits 100 columns when the region has the longest name", async () => {
  const { io, written } = fakeIo({ terminal: true });
  const longest = `us-${"x".repeat(61)}`;
  await demo.run(["--region", `us-east-1=${longest}`], io);
  const [, , , ...lines] = stripVTControlCharacters(written.stdout)
    .split("\n");
  for (const line of lines) assert([...line].length <= 100, line);
});

Deno.test("demo --keep goes on serving both until either signal", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const { io, written, handlers, printed } = fakeIo();
    const ended = demo.run(["--keep"], io);
    await printed("Serving until");
    const [real = "", through = ""] = urlsOf(written.stdout);
    const [first] = written.stdout.split("\n");
    assertEquals(first, `c2s-imds listening on ${through}`);
    assertStringIncludes(
      written.stdout,
      `\nNext: curl ${through}/latest/meta-data/placement/region\n`,
    );
    const target = "/latest/meta-data/placement/region";
    assertEquals(await (await fetch(real + target)).text(), "us-east-1");
    assertEquals(await (await fetch(through + target)).text(), "us-iso-east-1");
    handlers.get(signal)?.();
    assertEquals(await ended, EXIT.OK);
    assertEquals(handlers.size, 0);
    assertEquals(written.stderr, "");
  }
});

Deno.test("demo refuses wrong usage before anything is printed", async () => {
  const cases: readonly [readonly string[], string][] = [
    [["--region", "us-east-1"], "REAL=EMULATED"],
    [["--region", "none"], "us-east-1=EMULATED"],
    [["--region", "eu-west-1=us-iso-east-1"], "us-east-1=EMULATED"],
    [["--region=us-east-1=a", "--region=us-east-1=b"], "--region 2 times"],
    [["--listen=127.0.0.1:0"], '"--listen"'],
    [["word"], '"word"'],
  ];
  for (const [args, message] of cases) {
    const { io, written } = fakeIo();
    await assertRejects(() => demo.run(args, io), UsageError, message);
    assertEquals(written, { stdout: "", stderr: "" });
  }
});

Deno.test("c2s-imds demo runs twice at once, whatever proxies and settings the environment names", async () => {
  const env = {
    HTTP_PROXY: "http://127.0.0.1:9",
    http_proxy: "http://127.0.0.1:9",
    ALL_PROXY: "http://127.0.0.1:9",
    NODE_USE_ENV_PROXY: "1",
    DENO_SERVE_ADDRESS: "tcp:0.0.0.0:9",
    C2S_IMDS_REGION: "none",
    C2S_IMDS_LISTEN: "127.0.0.1:9",
  };
  const both = await Promise.all([
    runProgram(["demo"], { env }),
    runProgram(["demo"], { env }),
  ]);
  for (const { code, stdout, stderr } of both) {
    assertEquals(stderr, "");
    assertEquals(code, EXIT.OK);
    assertMatch(row(stdout, "placement/region"), /→ us-iso-east-1$/);
  }
});

Deno.test("c2s-imds demo --keep ends with 0 at a signal right after its first line", async () => {
  await using program = await startProgram(["demo", "--keep"]);
  const { code, stdout, stderr } = await program.stop("SIGTERM");
  assertEquals(stderr, "");
  assertEquals(code, EXIT.OK);
  assertMatch(stdout, /^c2s-imds listening on http:\/\/127\.0\.0\.1:\d+\n/);
});
