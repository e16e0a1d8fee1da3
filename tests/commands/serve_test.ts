import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createFolder } from "../helpers/files.ts";
import { until } from "../helpers/node.ts";
import { runProgram, startProgram } from "../helpers/program.ts";

/** An upstream that names its region, and the flag that points to it. */
function startUpstream() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("us-east-1"),
  );
  const { port } = server.addr;
  return {
    port,
    flag: `--upstream=http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function get(url: string, path = "/latest/meta-data/placement/region") {
  return await (await fetch(url + path)).text();
}

Deno.test("serve says where it listens, answers, tells administrators of itself, and ends well at SIGTERM", async () => {
  await using upstream = startUpstream();
  await using program = await startProgram([
    ...["serve", "--listen=127.0.0.1:0", "--listen=[::1]:0"],
    ...["--admin=127.0.0.1:0", upstream.flag],
  ]);
  assertMatch(
    program.stdout(),
    /^c2s-imds listening on http:\/\/127\.0\.0\.1:\d+ http:\/\/\[::1\]:\d+\n$/,
  );
  for (const url of program.urls) {
    assertEquals(await get(url), "us-iso-east-1");
  }
  const line = /administrators may ask url=(\S+)\n/;
  const [, admin = ""] = line.exec(program.stderr()) ?? [];
  assertEquals(await get(admin, "/readyz"), "proxy: ok\nupstream: ok\n");
  const metrics = await get(admin, "/metrics");
  assertStringIncludes(metrics, 'c2s_imds_requests_total{code="2xx"} 2\n');
  assertMatch(
    metrics,
    /^c2s_imds_build_info\{version="\d+\.\d+\.\d+",commit="[\w-]*",imports="(?:npm|JSR)",deno="[\d.]+"\} 1$/m,
  );
  const { code, stdout, stderr } = await program.stop("SIGTERM");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").length, 2);
  assertStringIncludes(stderr, "region=us-east-1=us-iso-east-1");
  // Nothing but its log; what Deno is known to warn of is no part of that.
  assertMatch(stderr, /^(?:\S+Z (?:info|warn) (?!Deno warns).*\n)+$/);
});

Deno.test("serve takes the original's arguments, connects where it is told whatever the environment names, and lives on when nobody reads its log", async () => {
  await using upstream = startUpstream();
  await using program = await startProgram(
    [
      ...["--port=0", "--serverName=127.0.0.1"],
      ...[
        `--serverPort=${upstream.port}`,
        "--emulatedRegion",
        "us-isob-east-1",
      ],
      "--log-level=debug",
    ],
    {
      env: {
        HTTP_PROXY: "http://127.0.0.1:9",
        http_proxy: "http://127.0.0.1:9",
        ALL_PROXY: "http://127.0.0.1:9",
        NODE_USE_ENV_PROXY: "1",
        DENO_SERVE_ADDRESS: "tcp:0.0.0.0:9",
        DENO_SERVE_AUTOMATIC_COMPRESSION: "1",
      },
    },
  );
  assertMatch(program.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals(await get(program.url), "us-isob-east-1");
  await program.closeStderr();
  assertEquals(await get(program.url), "us-isob-east-1");
  assertEquals((await program.stop("SIGINT")).code, 0);
});

Deno.test("serve reads the file again at SIGHUP and lives on whatever it says", async () => {
  await using upstream = startUpstream();
  await using folder = await createFolder();
  const file = `${folder.path}/c.yaml`;
  await Deno.writeTextFile(file, "listen: 127.0.0.1:0\n");
  await using program = await startProgram(
    ["serve", upstream.flag],
    { env: { C2S_IMDS_CONFIG: file } },
  );
  const reload = async (text: string, logged: RegExp) => {
    await Deno.writeTextFile(file, text);
    program.signal("SIGHUP");
    await program.logged(logged);
  };
  await reload("timeout: soon\n", / error .*key .*timeout/);
  assertEquals(await get(program.url), "us-iso-east-1");
  await reload(
    "listen: 127.0.0.1:9\nregion: us-east-1=us-isob-east-1\nallow-browsers: true\n",
    /restart to apply changes of=listen\n.*configuration read again changed=region,allow-browsers\n/,
  );
  // A child hears of it a moment later.
  await until(
    "the other region shows",
    async () => await get(program.url) === "us-isob-east-1",
  );
  const page = { headers: { Origin: "http://a.example" } };
  const answer = await fetch(program.url, page);
  assertEquals(await answer.text(), "us-isob-east-1");
  program.signal("SIGHUP");
  await program.logged(/configuration read again changed=nothing\n/);
  // The broken file was told of once.
  assertEquals(program.stderr().match(/ error /g)?.length, 1);
});

Deno.test("serve says which address it cannot have and what to do", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  const result = await runProgram(
    ["serve", "--listen=127.0.0.1:0", `--listen=${address}`],
  );
  assertEquals(result, {
    code: 1,
    stdout: "",
    stderr:
      `c2s-imds: Cannot listen on ${address}: another program has it, stop that one or choose another --listen\n`,
  });
});
