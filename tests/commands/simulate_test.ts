import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { EXIT } from "../../lib/cli/command.ts";
import { simulate } from "../../lib/commands/simulate.ts";
import { UsageError } from "../../lib/cli/message.ts";
import { type FakeIo, fakeIo } from "../helpers/io.ts";
import { startProgram } from "../helpers/program.ts";

/** Waits until it listens, and says where. */
async function listening({ printed, written }: FakeIo): Promise<string> {
  await printed("\n");
  return written.stdout.trim().split(" ").at(-1) ?? "";
}

Deno.test("simulate reads data, requires tokens and logs requests when told to, until SIGINT", async () => {
  const files = { "more.yaml": "meta-data: {placement: {region: eu-west-1}}" };
  const world = fakeIo({ files });
  const { io, written, handlers } = world;
  const ended = simulate.run([
    "--listen=127.0.0.1:0",
    "--data=more.yaml",
    "--require-v2",
    "--log-level=debug",
    "--log-format=json",
  ], io);
  const url = await listening(world);
  const refused = await fetch(`${url}/latest/meta-data/placement/region`);
  assertEquals(refused.status, 401);
  await refused.body?.cancel();
  const token = await (await fetch(`${url}/latest/api/token`, {
    method: "PUT",
    headers: { "X-aws-ec2-metadata-token-ttl-seconds": "60" },
  })).text();
  const answer = await fetch(`${url}/latest/meta-data/placement/region`, {
    headers: { "X-aws-ec2-metadata-token": token },
  });
  assertEquals(await answer.text(), "eu-west-1");
  handlers.get("SIGINT")?.();
  assertEquals(await ended, EXIT.OK);
  assertEquals(handlers.size, 0);
  const lines = written.stderr.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(lines.slice(0, 3).map((line) => line.status), [401, 200, 200]);
  assert(!written.stderr.includes(token));
});

Deno.test("simulate refuses wrong usage before it listens", async () => {
  const files = { "bad.yaml": "placement: {}", "worse.yaml": "a: [" };
  for (
    const [line, message] of [
      ["--listen=0.0.0.0:0", "--listen-anywhere"],
      ["--listen=127.0.0.1", "HOST:PORT"],
      ["--log-level=loud", "--log-level"],
      ["--log-format=xml", "--log-format"],
      ["--data=none.yaml", 'data file "none.yaml": no such file'],
      ["--data=bad.yaml", 'Unknown key "placement"'],
      ["--data=worse.yaml", 'data file "worse.yaml": expected YAML: '],
      ["--nope", '"--nope"'],
      ["word", '"word"'],
    ] as const
  ) {
    const { io, written } = fakeIo({ files });
    const running = () => simulate.run([line], io);
    await assertRejects(running, UsageError, message);
    assertEquals(written.stdout, "");
  }
});

Deno.test("simulate names the address and the cure when the port is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { io } = fakeIo();
  await assertRejects(
    () => simulate.run(["--listen", `127.0.0.1:${port}`], io),
    Error,
    `Cannot listen on 127.0.0.1:${port}: another program has it`,
  );
});

Deno.test("c2s-imds simulate runs as a program until SIGTERM", async () => {
  await using program = await startProgram([
    "simulate",
    "--listen",
    "127.0.0.1:0",
  ]);
  assertEquals(
    program.stdout().split("\n")[0],
    `c2s-imds listening on ${program.url}`,
  );
  const answer = await fetch(`${program.url}/latest/meta-data/instance-id`);
  assertEquals(answer.headers.get("server"), "EC2ws");
  assertMatch(await answer.text(), /^i-/);
  const { code, stderr } = await program.stop("SIGTERM");
  assertEquals(code, EXIT.OK);
  assertStringIncludes(stderr, "info stopping");
});
