import { assertEquals, assertMatch } from "@std/assert";
import { EXIT } from "../../lib/commands/command.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { runProgram } from "../helpers/program.ts";
import { startUnderTest } from "../proxy/under_test.ts";

/** A simulated service behind a proxy with some configuration. */
async function stage(args: readonly string[], yaml = "") {
  const real = await startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: await defaultTree(),
    requireV2: true,
  });
  const { regions, identity } = readServeConfig(args, {}, () => yaml);
  const proxy = await startUnderTest(real.address, {
    regions,
    ...identity === undefined ? {} : { identity },
  });
  return {
    url: `--url=http://127.0.0.1:${proxy.address.port}`,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await real[Symbol.asyncDispose]();
    },
  };
}

Deno.test("check says yes when every field shows as the profile promises", async () => {
  await using it = await stage(["--profile=c2s"]);
  const { code, stdout } = await runProgram([
    "check",
    it.url,
    "--profile=aws-iso",
  ]);
  assertEquals(code, EXIT.OK, stdout);
  for (
    const line of [
      /^services\/partition: +aws-iso in \d/m,
      /^services\/domain: +c2s\.ic\.gov in \d/m,
      /^ARN: +arn:aws-iso:… in \d/m,
      /^zone id: +use1-az4 in \d/m,
    ]
  ) assertMatch(stdout, line);
});

Deno.test("check says no when a field of the profile is the real one", async () => {
  await using it = await stage([]);
  const { code, stdout } = await runProgram([
    "check",
    it.url,
    "--profile=c2s",
    "--json",
  ]);
  const report = JSON.parse(stdout);
  assertEquals(code, EXIT.FAILED);
  assertEquals(report.sighting, { kind: "emulated", region: "us-iso-east-1" });
  assertEquals(
    report.why,
    "services/partition shows aws, not aws-iso",
  );
  assertEquals(
    report.promises.map((
      { what, kept }: { what: string; kept: boolean },
    ) => [what, kept]),
    [
      ["services/partition", false],
      ["services/domain", false],
      ["ARN", false],
      ["zone id", true],
    ],
  );
});

const YAML = `profile: c2s
overrides:
  "*/user-data": {text: "a secret"}
  "*/meta-data/tags": {status: 404}
  "openstack/*/meta_data.json": {fields: {availability_zone: us-iso-east-1z}}
  "*/meta-data/network/interfaces/macs/*/owner-id": {text: "1"}
  "*/meta-data/services/domain": {text: example.test}
`;

Deno.test("check knows the overrides of its configuration, and shows no text of theirs", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, YAML);
    await using it = await stage(["--config=c.yaml"], YAML);
    const fine = await runProgram(["check", it.url, `--config=${path}`]);
    assertEquals(fine.code, EXIT.OK, fine.stdout);
    assertMatch(fine.stdout, /^user-data: +the text of 8 characters in /m);
    assertMatch(fine.stdout, /^tags: +404 in /m);
    assertMatch(fine.stdout, /availability_zone us-iso-east-1z in /m);

    await using other = await stage(["--profile=c2s"]);
    const bad = await runProgram(["check", other.url, `--config=${path}`]);
    assertEquals(bad.code, EXIT.FAILED);
    assertMatch(bad.stdout, /^tags: +in [\d.]+ ms, expected 404$/m);
    assertEquals(bad.stdout.includes("a secret"), false);
    assertEquals(bad.stdout.includes("us-iso-east-1\n  path"), false);
  } finally {
    await Deno.remove(path);
  }
});
