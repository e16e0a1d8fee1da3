import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { parsePrometheus } from "../helpers/prometheus.ts";
import {
  type RunningProgram,
  runProgram,
  startProgram,
} from "../helpers/program.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

/** Where administrators ask, as the log says. */
async function adminOf(program: RunningProgram): Promise<string> {
  const line = /administrators may ask url=(\S+)\n/;
  await program.logged(line);
  return line.exec(program.stderr())?.[1] ?? "";
}

async function get(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return [response.status, await response.text()] as const;
}

function startService() {
  return startUpstream((_, connection) =>
    connection.write(answer("us-east-1"))
  );
}

Deno.test("serve --admin answers administrators in a process of its own", async () => {
  await using upstream = await startService();
  await using program = await startProgram([
    ...["serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"],
    `--upstream=http://127.0.0.1:${upstream.address.port}`,
  ]);
  const admin = await adminOf(program);
  assertEquals(await get(`${admin}/healthz`), [200, "ok\n"]);
  assertEquals(
    await get(`${admin}/readyz`),
    [200, "proxy: ok\nupstream: ok\n"],
  );
  await get(`${program.url}/x`);
  const [status, text] = await get(`${admin}/metrics`);
  assertEquals(status, 200);
  const families = parsePrometheus(text);
  assertEquals(
    families.get("c2s_imds_requests_total")?.samples
      .get('c2s_imds_requests_total{code="2xx"}'),
    1,
  );
  const [build] = families.get("c2s_imds_build_info")?.samples.keys() ?? [];
  assertMatch(
    build ?? "",
    /^c2s_imds_build_info\{version="\d+\.\d+\.\d+",commit="[\w-]*",imports="(?:npm|JSR)",deno="[\d.]+"\}$/,
  );
  // One for the check, one for the client.
  assertEquals(upstream.requests.length, 2);
  assertEquals((await program.stop()).code, 0);
});

Deno.test("serve --admin says which address it cannot have and what to do", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  const { code, stdout, stderr } = await runProgram(
    ["serve", "--listen=127.0.0.1:0", `--admin=${address}`],
  );
  assertEquals(
    [code, stdout, stderr],
    [
      1,
      "",
      `c2s-imds: Cannot listen on ${address}: another program has it, stop that one or choose another --admin\n`,
    ],
  );
});

Deno.test("serve says at SIGHUP that another --admin needs a restart, and lets browsers in at once", async () => {
  await using upstream = await startService();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  const listen = "listen: 127.0.0.1:0\n";
  const page = { headers: { Origin: "http://a.example" } };
  try {
    await Deno.writeTextFile(file, `${listen}admin: 127.0.0.1:0\n`);
    await using program = await startProgram([
      ...["serve", `--config=${file}`],
      `--upstream=http://127.0.0.1:${upstream.address.port}`,
    ]);
    assertEquals((await get(program.url, page))[0], 403);
    await Deno.writeTextFile(file, `${listen}allow-browsers: true\n`);
    program.signal("SIGHUP");
    await program.logged(/restart to apply changes of=admin\n/);
    await program.logged(/configuration read again changed=allow-browsers\n/);
    // Compiled and as root, its child hears of it a moment later.
    await until(
      "browsers may ask",
      async () => (await get(program.url, page))[0] === 200,
    );
    const admin = await adminOf(program);
    assertEquals((await get(`${admin}/healthz`, page))[0], 403);
    assertEquals((await get(`${admin}/healthz`))[0], 200);
    await Deno.writeTextFile(file, listen);
    program.signal("SIGHUP");
    await program.logged(/allow-browsers\n(?:.*\n)*.*changed=allow-browsers\n/);
    await until(
      "browsers may not ask",
      async () => (await get(program.url, page))[0] === 403,
    );
  } finally {
    await Deno.remove(file);
  }
});
