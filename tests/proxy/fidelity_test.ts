import { assert, assertEquals } from "@std/assert";
import { defaultTree } from "../../lib/simulator/default_tree.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import {
  ask,
  get,
  type RawAnswer,
  RawClient,
  type RawHeader,
} from "../helpers/raw.ts";
import { type RawUpstream, startUpstream } from "../helpers/upstream.ts";
import {
  ALLOWED_DIFFERENCES,
  type Circumstances,
  type Exchange,
  NOW,
} from "./allowed_differences.ts";
import { FIDELITY_CASES, type FidelityCase, TOKEN } from "./fidelity_cases.ts";
import { DEFAULT_REGIONS, NO_REGIONS, startUnderTest } from "./under_test.ts";

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Seconds pass between the direct exchange and the other one. */
function timeless([name, value]: RawHeader): RawHeader {
  const age = Date.now() - Date.parse(value);
  return name.toLowerCase() === "date" && Math.abs(age) < 60_000
    ? [name, NOW]
    : [name, value];
}

/** Tokens are never the same twice. */
function comparable(answer: RawAnswer): RawAnswer {
  return {
    ...answer,
    headers: answer.headers.map(timeless),
    body: answer.body.replace(
      /^AQAEA[\w-]+=*$/,
      (token) => "t".repeat(token.length),
    ),
  };
}

async function answersTo(
  address: Address,
  { request, methods = ["GET"] }: FidelityCase,
): Promise<RawAnswer[]> {
  using client = await RawClient.connect(address);
  await client.send(request);
  const answers: RawAnswer[] = [];
  for (const method of methods) {
    let answer: RawAnswer;
    do {
      answer = comparable(await client.answer(method));
      answers.push(answer);
    } while (answer.status < 200);
  }
  if (/^Connection: close\r$/m.test(request)) {
    assertEquals(await client.rest(), "");
  }
  return answers;
}

/** Sends a case and tells what came of it on both sides. */
async function exchange(
  address: Address,
  fidelityCase: FidelityCase,
  upstream?: RawUpstream,
): Promise<Exchange> {
  const before = upstream?.requests.length ?? 0;
  const answers = await answersTo(address, fidelityCase);
  const requests = (upstream?.requests.slice(before) ?? []).map((
    { method, target, version, headers, body },
  ) => ({ method, target, version, headers, body }));
  return { requests, answers };
}

/** Applies every row and notes those that changed something. */
function predicted(
  direct: Exchange,
  at: Circumstances,
  observed: Set<string>,
): Exchange {
  return ALLOWED_DIFFERENCES.reduce((before, { id, predict }) => {
    const after = predict(before, at);
    if (JSON.stringify(after) !== JSON.stringify(before)) observed.add(id);
    return after;
  }, direct);
}

/** What the raw upstream answers where a case names nothing. */
function usualAnswer(method: string): string {
  return "HTTP/1.1 200 OK\r\nServer: EC2ws\r\nContent-Type: text/plain\r\n" +
    'ETag: "1"\r\nAccept-Ranges: none\r\nContent-Length: 10\r\n\r\n' +
    (method === "HEAD" ? "" : "us-east-1a");
}

const MODES = [
  ["the default map", DEFAULT_REGIONS],
  ["--region none", NO_REGIONS],
] as const;

const observed = new Set<string>();

for (const [mode, regions] of MODES) {
  Deno.test(`startProxy() changes nothing else with ${mode} before a raw upstream`, async () => {
    let answer: string | undefined;
    await using upstream = await startUpstream(async (request, connection) => {
      const text = answer ?? usualAnswer(request.method);
      await connection.write(text);
      const close = /^Connection: close\r$/m.test(request.raw);
      if (close || !/\r\n(?:Content-Length|Transfer-)/.test(text)) {
        connection.end();
      }
    });
    await using proxy = await startUnderTest(upstream.address, {
      regions,
      // What goes up for each of them is compared.
      cacheMs: 0,
    });
    const { hostname, port } = upstream.address;
    for (const it of FIDELITY_CASES) {
      answer = it.answer;
      const direct = await exchange(upstream.address, it, upstream);
      const through = await exchange(proxy.address, it, upstream);
      const expected = predicted(direct, {
        of: it,
        authority: `${hostname}:${port}`,
        rewriting: regions === DEFAULT_REGIONS,
      }, observed);
      assertEquals(through, expected, it.name);
    }
    assertEquals(
      proxy.warnings.filter((line) => line.includes(" failed ")).length,
      FIDELITY_CASES.filter(({ refused }) => refused?.status === 502).length,
    );
  });

  Deno.test(`startProxy() changes nothing else with ${mode} before the simulator`, async () => {
    const start = Date.now();
    await using simulator = await startSimulator({
      listen: { hostname: "127.0.0.1", port: 0 },
      tree: await defaultTree(),
      requireV2: false,
      now: () => start,
    });
    await using proxy = await startUnderTest(simulator.address, { regions });
    const { hostname, port } = simulator.address;
    const { body: token } = await ask(
      simulator.address,
      "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n" +
        "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n",
    );
    for (const it of FIDELITY_CASES.filter((it) => it.answer === undefined)) {
      const whole = { ...it, request: it.request.replace(TOKEN, token) };
      const direct = await exchange(simulator.address, whole);
      const through = await exchange(proxy.address, whole);
      const expected = predicted(direct, {
        of: whole,
        authority: `${hostname}:${port}`,
        rewriting: regions === DEFAULT_REGIONS,
      }, observed);
      assertEquals(through, expected, it.name);
    }
  });
}

Deno.test("allowed differences were each seen at least once", () => {
  assertEquals(
    ALLOWED_DIFFERENCES.map(({ id }) => id).filter((id) => !observed.has(id)),
    [],
  );
});

Deno.test("allowed differences stand in docs/fidelity.md row for row", () => {
  const text = Deno.readTextFileSync(
    new URL("../../docs/fidelity.md", import.meta.url),
  );
  const rows = text.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.slice(2, -2).split(" | ").map((cell) => cell.trim()));
  assertEquals(
    rows,
    ALLOWED_DIFFERENCES.map((
      { id, what, cause },
    ) => [`\`${id}\``, what, cause]),
  );
});

Deno.test("startProxy() takes 60 requests and more for its comparison", async () => {
  assert(FIDELITY_CASES.length >= 60);
  await using upstream = await startUpstream((_, connection) =>
    connection.write(usualAnswer("GET"))
  );
  await using proxy = await startUnderTest(upstream.address);
  const answer = await ask(proxy.address, get("/latest/"));
  assertEquals(answer.body, "us-iso-east-1a");
});
