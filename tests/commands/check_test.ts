import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createCheck } from "../../lib/commands/check.ts";
import { EXIT } from "../../lib/cli/command.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { askMetadata } from "../../lib/proxy/metadata_client.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { fakeIo } from "../helpers/io.ts";
import { stage } from "../check/stage.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { runProgram } from "../helpers/program.ts";
import { nowhere } from "../helpers/upstream.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";

/** What the machine is like; what is not given is as in real life. */
interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly columns?: number;
  readonly run?: Runner;
  /** Who answers for each address; asking any other fails the test. */
  readonly answers?: Readonly<Record<string, string>>;
  /** Called for each pause between two looks. */
  readonly pause?: () => void;
}

async function check(line: string, world: World = {}) {
  const { answers = {}, uid = 0, pause = () => {} } = world;
  const { run = () => Promise.resolve("not found") } = world;
  const { io, written } = fakeIo(world);
  const asked: string[] = [];
  const tokens: string[] = [];
  const command = createCheck({
    run,
    ask: async (question) => {
      asked.push(question.url);
      // The default is the real service: nothing may ever go there.
      const url = answers[question.url] ?? question.url;
      assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
      const timeoutMs = 60_000;
      const answer = await askMetadata({ ...question, url, timeoutMs });
      if (question.method === "PUT") {
        tokens.push(new TextDecoder().decode(answer.body));
      }
      return answer;
    },
    clock: {
      now: () => performance.now(),
      delay: () => Promise.resolve(pause()),
    },
    uid,
  });
  const code = await command.run(line === "" ? [] : line.split(" "), io);
  return { code, ...written, asked, tokens };
}

/** The URL of a port where nobody listens. */
const closedUrl = () => `http://127.0.0.1:${nowhere().port}`;

const SERVICE = "http://169.254.169.254";
const SERVICE_IPV6 = "http://[fd00:ec2::254]";
const PROXY = "http://127.0.0.1:4000";

Deno.test("check says yes through a proxy and no without it, and shows no token", async () => {
  await using it = await stage();
  const through = await check(`--url ${it.emulated}`);
  assertEquals([through.code, through.stderr], [EXIT.OK, ""]);
  assertMatch(through.stdout, /^version: +v2, token in \d+\.\d ms$/m);
  assertMatch(
    through.stdout,
    /^document: +us-iso-east-1, us-iso-east-1a in \d/m,
  );
  assertMatch(through.stdout, /^rule: +not needed/m);
  assertMatch(
    through.stdout,
    /\nverdict: +yes: clients on this node see us-iso-east-1\n$/,
  );
  assertEquals(through.stdout.includes("warning"), false);

  const direct = await check(`--url ${it.real}/ --json`);
  assertEquals(direct.code, EXIT.FAILED);
  const { answer, diagnosis } = JSON.parse(direct.stdout);
  assertEquals([answer, diagnosis.kind], ["no", "real"]);

  for (const { stdout, tokens: [token = ""] } of [through, direct]) {
    assert(token.length > 20);
    assertEquals(stdout.includes(token), false);
  }
});

Deno.test("check takes regions, listeners, user, backend and profile from serve's flags, variables and file", async () => {
  await using it = await stage();
  const { run } = createFakeIptables();
  await iptablesWith(run, "install --port 4100 --user 77");
  const closed = closedUrl();
  const answers = {
    [SERVICE]: it.real,
    [PROXY]: closed,
    "http://127.0.0.1:4100": closed,
  };
  const file = "listen: 127.0.0.1:4100\nregion: {eu-west-1: us-east-1}\n";
  const files = { "c.yaml": file };
  const C2S_IMDS_USER = "77";
  const C2S_IMDS_REGION = "eu-west-1=us-east-1";
  for (
    const [line, env, kind, state] of [
      ["--config c.yaml", { C2S_IMDS_USER }, "emulated", "installed"],
      [
        "--realRegion eu-west-1 --emulatedRegion us-east-1",
        { C2S_IMDS_USER },
        "emulated",
        "installed",
      ],
      ["--user 77", { C2S_IMDS_REGION }, "emulated", "installed"],
      ["--region us-east-2=b", { C2S_IMDS_REGION }, "unmapped", "drift"],
      ["--backend legacy", { C2S_IMDS_REGION }, "emulated", "unknown"],
      [
        "",
        { C2S_IMDS_REGION, C2S_IMDS_BACKEND: "legacy" },
        "emulated",
        "unknown",
      ],
    ] as const
  ) {
    const world = { answers, run, files, env };
    const { code, stdout } = await check(`${line} --json`.trim(), world);
    const { diagnosis, rule } = JSON.parse(stdout);
    assertEquals([diagnosis.kind, rule.state], [kind, state], line);
    assertEquals(code, kind === "emulated" ? EXIT.OK : EXIT.FAILED);
  }
  const { code, stdout } = await check(`--url ${it.emulated} --profile c2s`);
  assertEquals(code, EXIT.FAILED);
  assertMatch(stdout, /^services\/partition: +aws in .*, expected aws-iso$/m);
  assertMatch(
    stdout,
    /: services\/partition shows aws, not aws-iso; give serve/,
  );
});

Deno.test("check asks the proxy itself when clients do not see the emulated region", async () => {
  await using it = await stage();
  const answers = { [SERVICE]: it.real, [PROXY]: it.emulated };
  const { run } = createFakeIptables();
  const { code, stdout } = await check("", { answers, run });
  assertEquals(code, EXIT.FAILED);
  assertMatch(stdout, /^rule: +absent, nft backend$/m);
  assertMatch(stdout, /^proxy: +127\.0\.0\.1:4000 shows emulated region/m);
  assertMatch(stdout, /: the rule is absent; run c2s-imds iptables install/);
  const elsewhere = {
    [SERVICE]: it.real,
    "http://127.0.0.1:4100": it.emulated,
  };
  for (
    const line of [
      "--listen 127.0.0.1:4100",
      "--listen 0.0.0.0:4100 --listen-anywhere",
      "--port 4100",
    ]
  ) {
    const found = await check(line, { answers: elsewhere, run });
    assertMatch(found.stdout, /^proxy: +127\.0\.0\.1:4100 shows emulated/m);
  }
});

Deno.test("check says what to install where there is no iptables", async () => {
  await using it = await stage();
  const { files } = createFakeIptables();
  const run: Runner = ([command, path = ""]) =>
    Promise.resolve(
      command === "cat" && files[path] !== undefined
        ? { code: 0, stdout: files[path], stderr: "" }
        : "not found",
    );
  const answers = { [SERVICE]: it.real, [PROXY]: closedUrl() };
  const { stdout } = await check("", { answers, run });
  assertMatch(
    stdout,
    /\nverdict: .*: neither iptables nor nft is on PATH; install iptables.*, then run c2s-imds serve --iptables as root\n$/,
  );
});

Deno.test("check asks the IPv6 address too, where the kernel has IPv6 and no --url is given", async () => {
  await using it = await stage();
  const hasIPv6: Runner = ([, path = ""]) =>
    Promise.resolve(
      path.endsWith("/if_inet6")
        ? { code: 0, stdout: "", stderr: "" }
        : "not found",
    );
  const answers = { [SERVICE]: it.emulated, [SERVICE_IPV6]: it.emulated };
  for (
    const [line, run, asks] of [
      ["", hasIPv6, true],
      ["", undefined, false],
      [`--url ${it.emulated}`, hasIPv6, false],
    ] as const
  ) {
    const world = run === undefined ? { answers } : { answers, run };
    const { code, asked } = await check(line, world);
    assertEquals([code, asked.includes(SERVICE_IPV6)], [EXIT.OK, asks]);
  }
});

Deno.test("check asks nothing as the proxy's user, unless no rule is in the way", async () => {
  for (
    const [line, uid] of [
      ["", 10_169],
      ["--wait 60", 10_169],
      [`--url ${SERVICE}`, 10_169],
      ["--json --user 5", 5],
    ] as const
  ) {
    const { code, stdout, asked } = await check(line, { uid });
    assertEquals([code, asked], [EXIT.CANNOT_TELL, []]);
    assertMatch(stdout, /cannot tell.*this process is of uid/);
  }
  await using it = await stage();
  const { code } = await check(`--url ${it.emulated}`, { uid: 10_169 });
  assertEquals(code, EXIT.OK);
});

Deno.test("check waits until the proxy shows the emulated region", async () => {
  await using it = await stage();
  const answers = { [SERVICE]: closedUrl() };
  let pauses = 0;
  const pause = () => {
    if (++pauses === 3) answers[SERVICE] = it.emulated;
  };
  const { code, stderr } = await check("--wait 60", { answers, pause });
  assertEquals([code, pauses, stderr], [EXIT.OK, 3, ""]);
});

Deno.test("check tells on a terminal what it waits for, and what it sees", async () => {
  await using it = await stage();
  const answers = { [SERVICE]: closedUrl() };
  const steps = [closedUrl(), it.real, it.real, it.emulated];
  const pause = () => {
    answers[SERVICE] = steps.shift() ?? "";
  };
  const world = { answers, pause, columns: 80 };
  const { code, stderr } = await check("--wait 60", world);
  const line = "waiting up to 60 s for us-iso-east-1, now:";
  assertEquals([code, stderr], [
    EXIT.OK,
    `${line} nothing, refused
${line} real region us-east-1, not us-iso-east-1
`,
  ]);
});

Deno.test("check refuses wrong usage before it asks anything", async () => {
  for (
    const [line, message] of [
      ["--wait x", 'Cannot use "x" for --wait: expected seconds'],
      ["--url http://h/latest", "expected http://HOST[:PORT] without user"],
      ["--region none", "Cannot check without an emulated region"],
      ["--user 0", 'Cannot use "0" for --user'],
      ["--upstream http://h", 'Unknown option "--upstream"'],
    ] as const
  ) await assertRejects(() => check(line), UsageError, message);
});

Deno.test("c2s-imds check ends with 1 when it sees the real region, whatever proxies the environment names", async () => {
  await using it = await stage();
  const env = { HTTP_PROXY: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1" };
  const args = ["check", "--json", "--url", it.real];
  const { code, stdout, stderr } = await runProgram(args, { env });
  assertEquals([code, stderr], [EXIT.FAILED, ""]);
  const real = { kind: "real", region: "us-east-1" };
  assertEquals(JSON.parse(stdout).diagnosis, real);
});
