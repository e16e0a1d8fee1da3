import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "../helpers/node.ts";
import { runProgram, startProgram } from "../helpers/program.ts";

/** An upstream that names its region, and the flag that points to it. */
function startUpstream(): AsyncDisposable & { readonly flag: string } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("us-east-1"),
  );
  return {
    flag: `--upstream=http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const REGION_PATH = "/latest/meta-data/placement/region";

async function get(url: string): Promise<string> {
  const response = await fetch(url + REGION_PATH);
  return await response.text();
}

Deno.test("serve says where it listens, answers, and ends well at SIGTERM", async () => {
  await using upstream = startUpstream();
  await using program = await startProgram([
    "serve",
    "--listen=127.0.0.1:0",
    "--listen=[::1]:0",
    upstream.flag,
  ]);
  assertMatch(
    program.stdout(),
    /^c2s-imds listening on http:\/\/127\.0\.0\.1:\d+ http:\/\/\[::1\]:\d+\n$/,
  );
  for (const url of program.urls) {
    assertEquals(await get(url), "us-iso-east-1");
  }
  const { code, stdout, stderr } = await program.stop("SIGTERM");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").length, 2);
  assertStringIncludes(stderr, "region=us-east-1=us-iso-east-1");
});

Deno.test("serve takes the original's arguments without a subcommand", async () => {
  await using upstream = startUpstream();
  const port = upstream.flag.replace(/^.*:/, "");
  await using program = await startProgram([
    "--port=0",
    "--serverName=127.0.0.1",
    `--serverPort=${port}`,
    "--emulatedRegion",
    "us-isob-east-1",
  ]);
  assertEquals(await get(program.url), "us-isob-east-1");
  assertEquals((await program.stop("SIGINT")).code, 0);
});

Deno.test("serve goes its own way when the environment names proxies and addresses", async () => {
  await using upstream = startUpstream();
  await using program = await startProgram(
    ["serve", "--listen=127.0.0.1:0", upstream.flag],
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
  assertEquals(await get(program.url), "us-iso-east-1");
});

Deno.test("serve reads the file again at SIGHUP and lives on whatever it says", async () => {
  await using upstream = startUpstream();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, "listen: 127.0.0.1:0\n");
    await using program = await startProgram(
      ["serve", upstream.flag],
      { env: { C2S_IMDS_CONFIG: file } },
    );
    await Deno.writeTextFile(file, "timeout: soon\n");
    program.signal("SIGHUP");
    await program.logged(/ error .*key .*timeout/);
    assertEquals(await get(program.url), "us-iso-east-1");
    await Deno.writeTextFile(
      file,
      "listen: 127.0.0.1:0\nregion: us-east-1=us-isob-east-1\nuser: nobody\n",
    );
    program.signal("SIGHUP");
    await program.logged(/restart to apply changes of=user\n/);
    await program.logged(/configuration read again changed=region\n/);
    // A child hears of it a moment later.
    await until(
      "the other region shows",
      async () => await get(program.url) === "us-isob-east-1",
    );
    program.signal("SIGHUP");
    await program.logged(/configuration read again changed=nothing\n/);
    // The broken file was told of once.
    assertEquals(program.stderr().match(/ error /g)?.length, 1);
    await Deno.writeTextFile(
      file,
      "listen: 127.0.0.1:9\nregion: us-east-1=us-isob-east-1\n",
    );
    program.signal("SIGHUP");
    await program.logged(/restart to apply changes of=listen(?:,user)?\n/);
    assertEquals(await get(program.url), "us-isob-east-1");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("serve lives on when nobody reads its log any more", async () => {
  await using upstream = startUpstream();
  await using program = await startProgram(
    ["serve", "--listen=127.0.0.1:0", "--log-level=debug", upstream.flag],
  );
  await program.closeStderr();
  assertEquals(await get(program.url), "us-iso-east-1");
  assertEquals(await get(program.url), "us-iso-east-1");
  assertEquals((await program.stop()).code, 0);
});

Deno.test("serve says which address it cannot have and what to do", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  const { code, stdout, stderr } = await runProgram(
    ["serve", "--listen=127.0.0.1:0", `--listen=${address}`],
  );
  assertEquals(stdout, "");
  assertEquals(
    stderr,
    `c2s-imds: Cannot listen on ${address}: another program has it, stop that one or choose another --listen\n`,
  );
  assertEquals(code, 1);
});

Deno.test("serve changes nothing when the configuration is wrong", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["serve", "--listen=127.0.0.1:0"],
    { env: { C2S_IMDS_TIMEOUT: "soon" } },
  );
  assertEquals(stdout, "");
  assertEquals(
    stderr,
    `c2s-imds: Cannot use "soon" for C2S_IMDS_TIMEOUT: expected seconds from 0.001 to 3600\n`,
  );
  assertEquals(code, 2);
});
