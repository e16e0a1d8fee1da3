import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createCheck } from "../../lib/commands/check.ts";
import { EXIT, type Io } from "../../lib/commands/command.ts";
import { UsageError } from "../../lib/config/usage_error.ts";
import { askMetadata } from "../../lib/system/metadata_client.ts";
import { delay } from "../../lib/system/timers.ts";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import {
  type Simulator,
  startSimulator,
} from "../../lib/simulator/simulator.ts";
import type { Runner } from "../../lib/system/runner.ts";
import { iptablesWith } from "../helpers/iptables.ts";
import { runProgram, startProgram } from "../helpers/program.ts";
import { startUpstream } from "../helpers/upstream.ts";
import { createFakeIptables } from "../rule/fake_iptables.ts";
import { startUnderTest } from "../proxy/under_test.ts";

const systemClock = { now: () => performance.now(), delay };

const noTools: Runner = () => Promise.resolve("not found");

/** What the machine is like; what is not given is as in real life. */
interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly run?: Runner;
  /** Who answers for each address; asking any other fails the test. */
  readonly answers?: Readonly<Record<string, string>>;
}

async function check(line: string, world: World = {}) {
  const { env = {}, files = {}, uid = 0, run = noTools } = world;
  const { answers = {} } = world;
  let stdout = "";
  let stderr = "";
  const asked: string[] = [];
  const io: Io = {
    env,
    build: { imports: "npm" },
    terminal: false,
    stdout: (text) => stdout += text,
    stderr: (text) => stderr += text,
    readTextFile: (path) => files[path] ?? "",
    flush: () => Promise.resolve(),
    onSignal: () => () => {},
  };
  const command = createCheck({
    run,
    ask: (question) => {
      asked.push(question.url);
      // The default is the real service: nothing may ever go there.
      const url = answers[question.url] ?? question.url;
      assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
      return askMetadata({ ...question, url });
    },
    clock: systemClock,
    uid: () => uid,
  });
  const code = await command.run(line === "" ? [] : line.split(" "), io);
  return { code, stdout, stderr, asked };
}

async function simulator(requireV2 = true): Promise<Simulator> {
  return startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2,
  });
}

async function installed(line = "install"): Promise<Runner> {
  const { run } = createFakeIptables();
  await iptablesWith(run, line);
  return run;
}

/** A port where nobody listens. */
function closedUrl(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}

const SERVICE = "http://169.254.169.254";
const PROXY = "http://127.0.0.1:4000";

Deno.test("check says yes through a proxy and no without it", async () => {
  await using real = await simulator();
  await using proxy = await startUnderTest(real.address);
  const url = `http://127.0.0.1:${proxy.address.port}`;

  const through = await check(`--url ${url}`);
  assertEquals(through.code, EXIT.OK);
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
  assertEquals(through.stderr, "");

  const direct = await check(`--url ${real.url}/`);
  assertEquals(direct.code, EXIT.FAILED);
  assertMatch(direct.stdout, /^shows: +real region us-east-1, not us-iso/m);
  assertMatch(direct.stdout, /\nverdict: +no: /);
});

Deno.test("check takes regions, port and user from serve's variables and file", async () => {
  await using real = await simulator();
  const run = await installed("install --port 4100 --user 77");
  const answers = {
    [SERVICE]: real.url,
    "http://127.0.0.1:4100": closedUrl(),
  };
  const file = "listen: 127.0.0.1:4100\nregion: {eu-west-1: us-east-1}\n";
  const one = await check("--config c.yaml --json", {
    answers,
    run,
    files: { "c.yaml": file },
    env: { C2S_IMDS_USER: "77" },
  });
  const report = JSON.parse(one.stdout);
  assertEquals(one.code, EXIT.OK);
  assertEquals(report.regions, { "eu-west-1": "us-east-1" });
  assertEquals(report.rule.state, "installed");
  assertEquals(report.sighting, { kind: "emulated", region: "us-east-1" });

  const other = await check(
    "--port 4100 --user 77 --region us-east-2=b --json",
    {
      answers,
      run,
      env: { C2S_IMDS_REGION: "eu-west-1=us-east-1" },
    },
  );
  assertEquals(other.code, EXIT.FAILED);
  assertEquals(JSON.parse(other.stdout).sighting.kind, "unmapped");
});

Deno.test("check asks the proxy itself when clients do not see the emulated region", async () => {
  await using real = await simulator();
  await using proxy = await startUnderTest(real.address);
  const answers = {
    [SERVICE]: real.url,
    [PROXY]: `http://127.0.0.1:${proxy.address.port}`,
  };
  const { run } = createFakeIptables();
  const { code, stdout } = await check("", { answers, run });
  assertEquals(code, EXIT.FAILED);
  assertMatch(stdout, /^rule: +absent, nft backend$/m);
  assertMatch(stdout, /^proxy: +127\.0\.0\.1:4000 shows emulated region/m);
  assertMatch(
    stdout,
    /\nverdict: .*not redirected to it: the rule is absent; run c2s-imds iptables install as root\n$/,
  );
});

Deno.test("check expects the rule in the backend that serve is given", async () => {
  await using real = await simulator();
  const answers = { [SERVICE]: real.url, [PROXY]: closedUrl() };
  const run = await installed();
  for (
    const [line, env] of [
      ["--json --backend legacy", {}],
      ["--json", { C2S_IMDS_BACKEND: "legacy" }],
    ] as const
  ) {
    const { rule } = JSON.parse(
      (await check(line, { answers, run, env })).stdout,
    );
    assertEquals(rule.state, "unknown");
    assertMatch(rule.reason, /legacy/);
  }
});

Deno.test("check asks the IPv6 address too, where the kernel has IPv6 and no --url is given", async () => {
  await using real = await simulator();
  await using proxy = await startUnderTest(real.address);
  const emulated = `http://127.0.0.1:${proxy.address.port}`;
  const run: Runner = ([, path = ""]) =>
    Promise.resolve(
      path.endsWith("/if_inet6")
        ? { code: 0, stdout: "", stderr: "" }
        : "not found",
    );
  const ipv6 = "http://[fd00:ec2::254]";
  for (
    const [there, code, shown] of [
      [emulated, EXIT.OK, "emulated region us-iso-east-1"],
      [closedUrl(), EXIT.OK, "nothing, refused"],
      [real.url, EXIT.FAILED, "real region us-east-1, not us-iso-east-1"],
    ] as const
  ) {
    const answers = { [SERVICE]: emulated, [ipv6]: there };
    const found = await check("", { answers, run });
    assertEquals(found.code, code, found.stdout);
    assertMatch(found.stdout, new RegExp(`^IPv6: +${shown}$`, "m"));
    const json = await check("--json", { answers, run });
    assert("kind" in JSON.parse(json.stdout).ipv6);
  }
  const only = await check(`--url ${emulated}`, { run });
  assertEquals([only.code, only.asked.includes(ipv6)], [EXIT.OK, false]);
  const without = await check("", { answers: { [SERVICE]: emulated } });
  assertEquals([without.code, without.asked.includes(ipv6)], [EXIT.OK, false]);
});

Deno.test("check says yes without the rights to see the rule", async () => {
  await using real = await simulator(false);
  await using proxy = await startUnderTest(real.address);
  const answers = { [SERVICE]: `http://127.0.0.1:${proxy.address.port}` };
  const { code, stdout } = await check("", { answers, uid: 1000 });
  assertEquals(code, EXIT.OK);
  assertMatch(stdout, /^asked as: +uid 1000$/m);
  assertMatch(stdout, /^rule: +cannot tell: neither iptables nor nft/m);
});

Deno.test("check asks nothing and ends with 4 when it runs as the proxy's user", async () => {
  for (const line of ["", "--wait 60", `--url ${SERVICE}`]) {
    const { code, stdout, asked } = await check(line, { uid: 10_169 });
    assertEquals(code, EXIT.CANNOT_TELL);
    assertEquals(asked, []);
    assertMatch(
      stdout,
      /\nverdict: +cannot tell: this process is of uid 10169/,
    );
  }
  const json = await check("--json --user 5", { uid: 5 });
  assertEquals(json.code, EXIT.CANNOT_TELL);
  assertEquals(JSON.parse(json.stdout).answer, "cannot tell");
});

Deno.test("check may run as the proxy's user when no rule is in the way", async () => {
  await using real = await simulator();
  await using proxy = await startUnderTest(real.address);
  const url = `http://127.0.0.1:${proxy.address.port}`;
  assertEquals(
    (await check(`--url ${url}`, { uid: 10_169 })).code,
    EXIT.OK,
  );
});

Deno.test("check ends in time when a service says nothing", async () => {
  await using silent = await startUpstream(() => {});
  const url = `http://127.0.0.1:${silent.address.port}`;
  const start = performance.now();
  const { code, stdout } = await check(`--url ${url} --wait 0.6`);
  assert(performance.now() - start < 1_500);
  assertEquals(code, EXIT.FAILED);
  assertMatch(stdout, /^reachable: +no, timeout \(no answer within 0\.\d/m);
});

Deno.test("check shows no token, whatever it comes to", async () => {
  await using real = await simulator();
  const tokens: string[] = [];
  const outputs: string[] = [];
  for (const flags of ["", " --json"]) {
    const command = createCheck({
      run: noTools,
      ask: async (question) => {
        const answer = await askMetadata(question);
        if (question.method === "PUT") {
          tokens.push(new TextDecoder().decode(answer.body));
        }
        return answer;
      },
      clock: systemClock,
      uid: () => 0,
    });
    await command.run(`--url ${real.url}${flags}`.split(" "), {
      env: {},
      build: { imports: "npm" },
      terminal: false,
      stdout: (text) => outputs.push(text),
      stderr: (text) => outputs.push(text),
      readTextFile: () => "",
      flush: () => Promise.resolve(),
      onSignal: () => () => {},
    });
  }
  assertEquals(tokens.length, 2);
  for (const token of tokens) {
    assert(token.length > 20);
    assertEquals(outputs.join("").includes(token), false);
  }
});

Deno.test("check refuses wrong usage before it asks anything", async (t) => {
  for (
    const [line, message] of [
      ["--wait x", 'Cannot use "x" for --wait: expected seconds'],
      ["--wait=-1", 'Cannot use "-1" for --wait: expected seconds'],
      ["--url 127.0.0.1:1", 'Cannot use "127.0.0.1:1" for --url'],
      ["--url http://h/latest", "expected http://HOST[:PORT] without user"],
      ["--region none", "Cannot check without an emulated region"],
      ["--region us-east-1", 'Cannot use "us-east-1" for --region'],
      ["--user root! ", "for --user"],
      ["--user 0", 'Cannot use "0" for --user'],
      ["--port 0", 'Cannot use "0" for --port'],
      ["--upstream http://h", 'Unknown option "--upstream"'],
      ["now", 'Unexpected argument "now"'],
    ] as const
  ) {
    await t.step(line, async () => {
      await assertRejects(() => check(line.trim()), UsageError, message);
    });
  }
});

Deno.test("c2s-imds check waits as a program until the proxy shows the emulated region", async () => {
  await using real = await simulator();
  const { port } = new URL(closedUrl());
  const url = `http://127.0.0.1:${port}`;
  const start = performance.now();
  const [{ code, stdout, stderr }, proxy] = await Promise.all([
    runProgram(["check", "--url", url, "--wait", "25"], {
      env: { HTTP_PROXY: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1" },
    }),
    startProgram([
      ...["serve", "--listen", `127.0.0.1:${port}`],
      ...["--upstream", real.url],
    ]),
  ]);
  await using _ = proxy;
  assertEquals(stderr, "");
  assertStringIncludes(stdout, "yes: clients on this node see us-iso-east-1\n");
  assertEquals(code, EXIT.OK);
  assert(performance.now() - start < 20_000);
});

Deno.test("c2s-imds check ends with 1 when it sees the real region, 2 when used wrongly", async () => {
  await using real = await simulator();
  const { code, stdout } = await runProgram([
    ...["check", "--json", "--url", real.url],
  ]);
  assertEquals(code, EXIT.FAILED);
  assertEquals(JSON.parse(stdout).sighting, {
    kind: "real",
    region: "us-east-1",
  });
  const wrong = await runProgram(["check", "--url", real.url, "--wait", "x"]);
  assertEquals(wrong.code, EXIT.USAGE);
  assertEquals(wrong.stdout, "");
  assertMatch(wrong.stderr, /^c2s-imds: Cannot use "x" for --wait: [^\n]*\n$/);
});
