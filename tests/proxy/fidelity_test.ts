import type { UpstreamAddress } from "../../lib/config/serve_config.ts";
import { assertEquals } from "@std/assert";
import { type RawAnswer, RawClient, type RawHeader } from "../helpers/raw.ts";
import { type RawUpstream, startUpstream } from "../helpers/upstream.ts";
import {
  ALLOWED_DIFFERENCES,
  type Exchange,
  NOW,
} from "./allowed_differences.ts";
import { FIDELITY_CASES, type FidelityCase } from "./fidelity_cases.ts";
import { DEFAULT_REGIONS, NO_REGIONS, startUnderTest } from "./under_test.ts";

/** Seconds pass between the direct exchange and the other one. */
function timeless([name, value]: RawHeader): RawHeader {
  const age = Date.now() - Date.parse(value);
  return name.toLowerCase() === "date" && Math.abs(age) < 60_000
    ? [name, NOW]
    : [name, value];
}

async function answersTo(
  address: UpstreamAddress,
  { request, methods = ["GET"] }: FidelityCase,
): Promise<RawAnswer[]> {
  using client = await RawClient.connect(address);
  await client.send(request);
  const answers: RawAnswer[] = [];
  for (const method of methods) {
    let answer: RawAnswer;
    do {
      answer = await client.answer(method);
      answers.push({ ...answer, headers: answer.headers.map(timeless) });
    } while (answer.status < 200);
  }
  if (/^Connection: close\r$/m.test(request)) {
    assertEquals(await client.rest(), "");
  }
  return answers;
}

/** Sends a case and tells what came of it on both sides. */
async function exchange(
  address: UpstreamAddress,
  fidelityCase: FidelityCase,
  upstream: RawUpstream,
): Promise<Exchange> {
  const before = upstream.requests.length;
  const answers = await answersTo(address, fidelityCase);
  const requests = upstream.requests.slice(before).map((
    { method, target, version, headers, body },
  ) => ({ method, target, version, headers, body }));
  return { requests, answers };
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

/** The rows that changed something. */
const observed = new Set<string>();

for (const [mode, regions] of MODES) {
  Deno.test(`startProxy() changes nothing else with ${mode}`, async () => {
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
    const rewriting = regions === DEFAULT_REGIONS;
    for (const it of FIDELITY_CASES) {
      answer = it.answer;
      let expected = await exchange(upstream.address, it, upstream);
      const at = { of: it, authority: `${hostname}:${port}`, rewriting };
      for (const [row, predict] of Object.entries(ALLOWED_DIFFERENCES)) {
        const before = JSON.stringify(expected);
        expected = predict(expected, at);
        if (JSON.stringify(expected) !== before) observed.add(row);
      }
      const through = await exchange(proxy.address, it, upstream);
      assertEquals(through, expected, it.name);
    }
    assertEquals(
      proxy.warnings.filter((line) => line.includes(" failed ")).length,
      FIDELITY_CASES.filter(({ refused }) => refused?.status === 502).length,
    );
  });
}

Deno.test("allowed differences were each seen, and are those of docs/fidelity.md", () => {
  const rows = Object.keys(ALLOWED_DIFFERENCES);
  assertEquals(rows.filter((row) => !observed.has(row)), []);
  const text = Deno.readTextFileSync(
    new URL("../../docs/fidelity.md", import.meta.url),
  );
  assertEquals(
    [...text.matchAll(/^\| `([\w-]+)` /gm)].map(([, row]) => row),
    rows,
  );
});
