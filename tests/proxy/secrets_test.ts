import { assert, assertEquals } from "@std/assert";
import { LOG_FORMATS } from "../../lib/system/log.ts";
import { BROKEN_SECRETS, SECRET } from "../helpers/broken_secrets.ts";
import { until } from "../helpers/node.ts";
import { runProgram, startProgram } from "../helpers/program.ts";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const CREDENTIALS = "/latest/meta-data/iam/security-credentials/node";
const TOKEN = "AQAEAsecretsessiontokensecretsessiontokensecretsession==";
const BAD_TOKEN = "AQAEAsecretbutexpired==";
const KEY = "secretAccessKeyWJalrXUtnFEMIK7MDENG";
const USER_DATA = "#!/bin/sh\npassword=secret-us-east-1-hunter2\n";
const LARGE = `secret-large-body-${"x".repeat(200_000)}`;
/** Begins with something secret each. */
const SECRETS = [TOKEN, BAD_TOKEN, KEY, "hunter2", "secret"];

const TOKEN_HEADER = `X-aws-ec2-metadata-token: ${TOKEN}`;
const OK = "HTTP/1.1 200 OK\r\n";

/** Every fault carries a secret where it breaks. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  "/fault/garbage": [`${TOKEN}\r\n\r\n`],
  "/fault/version": [`HTTP/9.${TOKEN} 200 OK\r\n\r\n`],
  "/fault/header": [`${OK}${TOKEN}\x01: ${KEY}\r\n\r\n`],
  "/fault/value": [`${OK}X: ${KEY}\0\r\n\r\n`],
  "/fault/length": [`${OK}Content-Length: ${KEY}\r\n\r\n`],
  "/fault/head": [`${OK}X-Secret: ${KEY}`],
  "/fault/status": [`HTTP/1.1 999 ${KEY}\r\nContent-Length: 0\r\n\r\n`],
  "/fault/upgrade": [
    `HTTP/1.1 101 ${KEY}\r\nConnection: upgrade\r\nUpgrade: ${TOKEN}\r\n\r\n`,
  ],
  "/fault/small": [`${OK}Content-Length: 999\r\n\r\n${KEY}`],
  "/fault/large": [`${OK}Content-Length: 999999\r\n\r\n`, LARGE],
  "/fault/chunk": [
    `${OK}Transfer-Encoding: chunked\r\n\r\n${KEY}\r\n${TOKEN}`,
  ],
  "/fault/late-chunk": [
    `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    `${LARGE.length.toString(16)}\r\n${LARGE}\r\n${KEY}\r\n${TOKEN}`,
  ],
};

const REQUESTS: readonly string[] = [
  get(CREDENTIALS, TOKEN_HEADER),
  get("/latest/user-data", TOKEN_HEADER),
  get(`/latest/meta-data/?token=${TOKEN}`, `Authorization: Bearer ${KEY}`),
  get("/latest/", `X-aws-ec2-metadata-token: ${BAD_TOKEN}`, `Cookie: ${KEY}`),
  get("/latest/dynamic/instance-identity/document", TOKEN_HEADER),
  get("/openstack/latest/meta_data.json", TOKEN_HEADER),
  `PUT /latest/api/token HTTP/1.1\r\nHost: h\r\nContent-Length: ${KEY.length}\r\n\r\n${KEY}`,
  `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n${KEY}`,
  `PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${KEY}\r\n`,
  `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n${KEY}`,
  get("/latest/", `Origin: http://${KEY}`),
  get("/latest/", `${TOKEN_HEADER}\x01`),
  get("/latest/", `X: ${TOKEN}\xff\xfe`),
  `GET / HTTP/1.1\r\nHost: ${KEY}/@\r\n${TOKEN_HEADER}\r\n\r\n`,
  `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n${TOKEN_HEADER}\r\n\r\nabc`,
  ...Object.keys(FAULTS).flatMap((target) => [
    get(target, TOKEN_HEADER),
    `PUT ${target} HTTP/1.1\r\nHost: h\r\n${TOKEN_HEADER}\r\nContent-Length: ${KEY.length}\r\n\r\n${KEY}`,
  ]),
];

function bodyOf(method: string, target: string, token: string): string {
  if (method === "PUT") return TOKEN;
  if (target === "/latest/user-data") return USER_DATA;
  if (token === BAD_TOKEN) return `bad ${BAD_TOKEN}`;
  return JSON.stringify({ SecretAccessKey: KEY, Token: TOKEN });
}

for (const format of LOG_FORMATS) {
  Deno.test(`serve logs no token, credential or body at debug as ${format}`, async () => {
    await using upstream = await startUpstream(async (request, connection) => {
      const fault = FAULTS[request.target];
      if (fault === undefined) {
        const token = request.headers.find(([name]) =>
          name === "x-aws-ec2-metadata-token"
        )?.[1] ?? "";
        await connection.write(
          answer(bodyOf(request.method, request.target, token)),
        );
        return;
      }
      for (const text of fault) await connection.write(text);
      connection.end();
    });
    const { hostname, port } = upstream.address;
    await using program = await startProgram([
      "serve",
      "--listen=127.0.0.1:0",
      `--upstream=http://${hostname}:${port}`,
      "--log-level=debug",
      `--log-format=${format}`,
      "--timeout=1",
    ]);
    const address = {
      hostname: "127.0.0.1",
      port: Number(new URL(program.url).port),
    };
    await Promise.all(REQUESTS.map(async (request) => {
      using client = await RawClient.connect(address);
      await client.send(request);
      // A body that is broken ends the connection without an answer.
      await client.answer().catch(() => {});
    }));
    // A client that vanishes within its answer.
    using gone = await RawClient.connect(address);
    await gone.send(get("/fault/large", TOKEN_HEADER));
    await gone.readSome();
    gone.close();
    const last = await ask(address, get(CREDENTIALS));
    assert(last.body.includes(KEY));
    const { stdout, stderr } = await program.stop();
    const logged = stdout + stderr;
    for (const secret of SECRETS) {
      assertEquals(
        logged.split("\n").filter((line) => line.includes(secret)),
        [],
      );
    }
    const count = (pattern: RegExp) => logged.match(pattern)?.length ?? 0;
    assert(count(/\/fault\//g) >= Object.keys(FAULTS).length, logged);
    assert(count(/instance-identity\/document/g) > 0, logged);
    if (format === "json") {
      for (const line of stderr.trim().split("\n")) JSON.parse(line);
    }
  });
}

Deno.test("serve says of a broken file what is wrong, and nothing secret of it, when it reads it again", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await using program = await startProgram([
      "serve",
      "--listen=127.0.0.1:0",
      "--upstream=http://127.0.0.1:9",
      `--config=${file}`,
      "--log-level=debug",
    ]);
    const refused = () =>
      program.stderr().match(/error configuration unchanged/g)?.length ?? 0;
    for (const [i, yaml] of BROKEN_SECRETS.entries()) {
      await Deno.writeTextFile(file, yaml);
      program.signal("SIGHUP");
      await until(yaml, () => Promise.resolve(refused() === i + 1));
    }
    const { stdout, stderr } = await program.stop();
    const logged = (stdout + stderr).split("\n");
    assertEquals(logged.filter((line) => line.includes(SECRET)), []);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("serve says of a broken file what is wrong, and nothing secret of it, when it starts", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      file,
      `overrides: {"*/user-data": ${SECRET}}`,
    );
    for (const flag of ["--config", "--profile"]) {
      assertEquals(await runProgram(["serve", `${flag}=${file}`]), {
        code: 2,
        stdout: "",
        stderr:
          `c2s-imds: Cannot use a text for key "overrides > */user-data" in "${file}": expected a mapping with text, file, status, fields\n`,
      });
    }
  } finally {
    await Deno.remove(file);
  }
});
