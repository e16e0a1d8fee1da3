import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import * as http from "node:http";
import { answerHeaders, type Header } from "../../lib/proxy/headers.ts";
import { Upstream } from "../../lib/proxy/upstream/upstream.ts";
import { TimeLimit } from "../../lib/proxy/upstream/time_limit.ts";
import { UpstreamError } from "../../lib/proxy/upstream/upstream_error.ts";
import { createRandom } from "../helpers/random.ts";
import { type RawHeader, textOf } from "../helpers/raw.ts";
import { startUpstream } from "../helpers/upstream.ts";
import { makeAnswer } from "./answer_grammar.ts";
import { mutate, pieces } from "./mutate.ts";
import { again, seeds } from "./settings.ts";

/** Clients at the same time. */
const LANES = 8;

/** Longer than an answer takes on the busiest machine, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Larger than any body that is made. */
const ALL = 1 << 20;

/** An answer as a client understood it. */
interface Understood {
  readonly status: number;
  readonly headers: readonly RawHeader[];
  readonly body: string;
}

/** The bytes of an answer, in the pieces in which they come. */
interface Sent {
  readonly pieces: readonly string[];
  /** Whether the connection is closed behind them. */
  readonly ends: boolean;
}

/** A service that sends what it is told, for targets such as `/5`. */
async function startService() {
  const answers = new Map<string, Sent>();
  const upstream = await startUpstream(async ({ target }, connection) => {
    const { pieces = [], ends = true } = answers.get(target) ?? {};
    for (const piece of pieces) await connection.write(piece);
    if (ends) connection.end();
  });
  const ours = new Upstream(upstream.address);
  return {
    answers,
    upstream,
    /** What our client understands, or why it refuses. */
    async ask(method: string, target: string): Promise<Understood | Error> {
      using limit = new TimeLimit(PATIENCE_MS);
      const request = { method, target, headers: [["host", "h"]] } as const;
      try {
        const { status, headers, body } = await ours.send(
          { ...request, body: undefined },
          limit,
        );
        const { bytes, whole } = await body.start(ALL);
        assert(whole);
        return { status, headers, body: textOf(bytes) };
      } catch (error) {
        if (error instanceof UpstreamError) return error;
        throw error;
      }
    },
    /** What `node:http` understands, whose parser the world's traffic tried. */
    askByNode: (method: string, path: string) =>
      askByNode({ ...upstream.address, method, path }),
    async [Symbol.asyncDispose]() {
      ours.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

function askByNode(
  options: http.RequestOptions,
): Promise<Understood | undefined> {
  const { promise, resolve } = Promise.withResolvers<Understood | undefined>();
  const request = http.request({
    ...options,
    agent: false,
    maxHeaderSize: 256 * 1024,
  });
  request.maxHeadersCount = 0;
  let understood = () => undefined as Understood | undefined;
  const settle = () => {
    resolve(understood());
    request.destroy();
  };
  request.on("upgrade", settle);
  request.on("error", () => {
    // Bytes behind an answer that was whole take nothing from it.
    if (understood() === undefined) settle();
  });
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    understood = () =>
      !response.complete ? undefined : {
        status: response.statusCode ?? 0,
        headers: answerHeaders(pairsOf(response.rawHeaders)),
        body: Buffer.concat(chunks).toString("latin1"),
      };
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (const end of ["end", "error", "aborted"]) response.on(end, settle);
  });
  request.end();
  return promise;
}

/** RFC 9110, 5.5 allows a tab behind a value; `node:http` stumbles there. */
const TAB =
  /\r\n(?:Content-Length:[ \t]*\d+|Transfer-Encoding:[ \t]*chunked)[ \t]*\t/i;

Deno.test("Upstream.send() understands answers as node:http does, or refuses them", async () => {
  await using service = await startService();
  const { first, count } = seeds(1 / 8);
  let accepted = 0;
  const tryCase = async (seed: number): Promise<void> => {
    const random = createRandom(seed);
    const method = random.int(12) === 0 ? "HEAD" : "GET";
    const made = makeAnswer(random, method);
    const damaged = random.int(2) === 0;
    const text = damaged
      ? mutate(random, made.text, () => makeAnswer(random, method).text)
      : made.text;
    const ends = damaged || made.byEnd || random.int(8) === 0;
    const target = `/${seed}`;
    service.answers.set(target, { pieces: pieces(random, text), ends });
    const ours = await service.ask(method, target);
    const { status, headers, body } = made;
    const expected = !damaged
      ? { status, headers, body }
      : ours instanceof Error || TAB.test(text)
      ? ours
      : await service.askByNode(method, target);
    if (damaged && !(ours instanceof Error)) accepted++;
    service.answers.delete(target);
    assertEquals(ours, expected, `${JSON.stringify(text)}; ${again(seed)}`);
  };
  let next = first;
  await Promise.all(Array.from({ length: LANES }, async () => {
    while (next < first + count) await tryCase(next++);
  }));
  assert(count < 500 || accepted > count / 20, `${accepted} were accepted`);
  const asked = service.upstream.requests.map(({ connection }) => connection);
  assertEquals(new Set(asked).size, asked.length, "a connection each");
});

/** Names and values in turn, as pairs. */
function pairsOf(raw: readonly string[]): Header[] {
  return raw.flatMap((name, i) => i % 2 ? [] : [[name, raw[i + 1] ?? ""]]);
}
