import { assert, assertEquals } from "@std/assert";
import { ask, get, RawClient } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startServed } from "../reliability/served.ts";

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

Deno.test("serve logs no token, credential or body at debug", async () => {
  await using upstream = await startUpstream(async (request, connection) => {
    const { method, target, headers } = request;
    const fault = FAULTS[target];
    if (fault !== undefined) {
      for (const text of fault) await connection.write(text);
      return connection.end();
    }
    const isBad = headers.some(([, value]) => value === BAD_TOKEN);
    const body = method === "PUT"
      ? TOKEN
      : target === "/latest/user-data"
      ? USER_DATA
      : isBad
      ? `bad ${BAD_TOKEN}`
      : JSON.stringify({ SecretAccessKey: KEY, Token: TOKEN });
    return await connection.write(answer(body));
  });
  await using served = await startServed(upstream.address, [
    ...["--log-level=debug", "--log-format=json", "--timeout=5"],
  ]);
  const { address, program } = served;
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
  for (const line of stderr.trim().split("\n")) JSON.parse(line);
});
