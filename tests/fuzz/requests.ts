/**
 * Clients that send anything: each request is answered once, and none goes
 * astray.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createRandom } from "../helpers/random.ts";
import { RawClient, valuesOf } from "../helpers/raw.ts";
import { type Received, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "../proxy/under_test.ts";
import { figure } from "../reliability/figures.ts";
import { type ReadAnswer, readAnswers } from "./answers_read.ts";
import { mutate, pieces } from "./mutate.ts";
import { RequestGrammar } from "./request_grammar.ts";
import { goingUp, type Reading, readRequests } from "./request_reader.ts";
import { again, seeds } from "./settings.ts";

/** Cases to one proxy: all that comes up must have been sent by one of them. */
const BATCH = 250;

/** Clients that ask the proxy at one time. */
const CLIENTS = 8;

/** What each body holds before it is rewritten, and afterwards. */
const BODIES = [
  "us-east-1 useast-1 us-east-1a",
  "us-iso-east-1 useast-1 us-iso-east-1a",
] as const;

/** Where an answer says which one it is; no two are the same. */
const SERIAL = "x-serial";

/** What is never given to two. */
const SECRET = /^\w+ \S*(?:%74oken|token|credentials)/;

/** What was counted, so that a run that tried nothing cannot pass. */
interface Tally {
  cases: number;
  up: number;
  echoes: number;
  refusals: number;
  givenAgain: number;
}

/** The proxy and its upstream, as some cases meet them. */
interface Stage {
  readonly address: Deno.NetAddr;
  /** The upstream's `HOST:PORT`. */
  readonly authority: string;
  /** How often each request may still go up, by its bytes. */
  readonly due: Map<string, number>;
  /** What went up, by the serial number of its answer. */
  readonly up: string[];
  /** The answers that were given, by their serial numbers. */
  readonly given: Set<string>;
  readonly tally: Tally;
}

/** Accept-Encoding goes up as it came only where nothing may be rewritten. */
function plain(raw: string): string {
  return raw.replace(/\r\naccept-encoding: [^\r]*/, "");
}

/** Says which answer it is, at times in chunks. */
function answerTo({ method }: Received, serial: number): string {
  const [body] = BODIES;
  const head = `HTTP/1.1 200 Said\r\n${SERIAL}: ${serial}\r\n` +
    "Content-Type: text/plain\r\n";
  const [framing, framed] = serial % 8 > 0
    ? [`Content-Length: ${body.length}`, body]
    : [
      "Transfer-Encoding: chunked",
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ];
  return `${head}${framing}\r\n\r\n${method === "HEAD" ? "" : framed}`;
}

/** Sends a case, and reads until the proxy closes or all that is due came. */
async function exchange(
  address: Deno.NetAddr,
  sent: readonly string[],
  enough: (came: string) => boolean,
): Promise<string> {
  using client = await RawClient.connect(address);
  const sending = (async () => {
    for (const piece of sent) await client.send(piece);
  })();
  // It may refuse before all is sent.
  sending.catch(() => {});
  let came = "";
  for (let closing = false;;) {
    if (!closing && enough(came)) {
      closing = true;
      sending.then(() => client.closeWrite()).catch(() => {});
    }
    const some = await client.readSome();
    if (some === undefined) return came;
    came += some;
  }
}

/** How many answers must come before a client may half-close. */
function awaited({ requests }: Reading): number {
  const untidy = requests.findIndex(({ tidy }) => !tidy);
  return untidy < 0 ? requests.length : untidy;
}

/** What is wrong with the answers to some requests; nothing if all is well. */
function faultIn(
  { requests, rest }: Reading,
  answers: readonly ReadAnswer[],
  stage: Stage,
): string | undefined {
  // Whoever breaks off must have been broken off.
  let sure = true;
  for (const [i, request] of requests.entries()) {
    sure &&= request.goesUp === "always";
    const answer = answers[i];
    if (answer === undefined) {
      return sure ? `request ${i} has no answer` : undefined;
    }
    const [serial] = valuesOf(answer, SERIAL);
    if (serial === undefined) {
      stage.tally.refusals++;
      if (answer.status < 400) return "an answer that is nobody's";
      if (sure) return "refused what must go up";
      if (valuesOf(answer, "connection").includes("close")) {
        return answers.length > i + 1 ? "an answer to no request" : undefined;
      }
    } else {
      stage.tally.echoes++;
      const expected = plain(goingUp(request, stage.authority));
      if (request.goesUp === "never") return "went up";
      if (stage.up[Number(serial)] !== expected) return "another's answer";
      const bodies: readonly string[] = request.method === "HEAD"
        ? [""]
        : BODIES;
      if (!bodies.includes(answer.body)) return "another body";
      if (stage.given.has(serial)) {
        stage.tally.givenAgain++;
        if (request.method !== "GET") return "given again, though no GET";
        if (SECRET.test(expected)) return "a secret given again";
      }
      stage.given.add(serial);
    }
    // What HTTP/1.0 has no length for ends with the connection.
    sure &&= !request.old;
  }
  // What became no request is refused once.
  const more = answers.slice(requests.length);
  return more.length > (rest === "nothing" ? 0 : 1) ||
      more.some(({ status }) => status < 400)
    ? "an answer to no request"
    : undefined;
}

/** Tries one case; says what was wrong with it, if anything. */
async function tryCase(
  seed: number,
  stage: Stage,
  make: (random: ReturnType<typeof createRandom>, name: string) => string,
): Promise<string | undefined> {
  const random = createRandom(seed);
  const right = make(random, `${seed}`);
  const bytes = random.int(9) > 3
    ? mutate(random, right, () => make(random, `${seed}s`))
    : right;
  const sent = pieces(random, bytes);
  const vanishes = random.int(20) === 0;
  const reading = readRequests(bytes);
  for (const request of reading.requests) {
    const key = plain(goingUp(request, stage.authority));
    stage.due.set(key, (stage.due.get(key) ?? 0) + 1);
  }
  stage.tally.cases++;
  if (vanishes) {
    using client = await RawClient.connect(stage.address);
    await client.send(bytes).catch(() => {});
    return undefined;
  }
  const methods = reading.requests.map(({ method }) => method);
  const read = (came: string) => readAnswers(came, methods);
  const came = await exchange(
    stage.address,
    sent,
    (came) => read(came).answers.length >= awaited(reading),
  );
  const { answers, rest } = read(came);
  const fault = rest === "bad" ? "no answer" : faultIn(reading, answers, stage);
  return fault === undefined ? undefined : [
    `seed ${seed}: ${fault}`,
    JSON.stringify(bytes.slice(0, 4_000)),
    JSON.stringify(came.slice(0, 2_000)),
    again(seed),
  ].join("\n");
}

/** Tries some cases on a proxy of their own, and gives all that was wrong. */
async function tryBatch(
  first: number,
  count: number,
  shares: boolean,
  tally: Tally,
): Promise<string[]> {
  const faults: string[] = [];
  using elsewhere = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  elsewhere.accept().then((conn) => {
    faults.push("It connected elsewhere");
    conn.close();
  }, () => {});
  const grammar = { elsewhere: `127.0.0.1:${elsewhere.addr.port}`, shares };
  const due = new Map<string, number>();
  const up: string[] = [];
  await using upstream = await startUpstream(async (request, connection) => {
    const key = plain(request.raw);
    const left = due.get(key) ?? 0;
    if (left === 0) faults.push(`What nobody sent went up: ${request.raw}`);
    due.set(key, left - 1);
    const answer = answerTo(request, up.push(key) - 1);
    // Meanwhile others ask for the same.
    if (shares && up.length % 16 === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await connection.write(answer);
  });
  const { hostname, port } = upstream.address;
  {
    await using proxy = await startUnderTest(upstream.address, {
      logLevel: "info",
      cacheMs: shares ? 1_000 : 0,
    });
    const { address } = proxy;
    const authority = `${hostname}:${port}`;
    const stage = { address, authority, due, up, given: new Set(""), tally };
    let next = first;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (next < first + count && faults.length === 0) {
        const fault = await tryCase(
          next++,
          stage,
          (random, name) =>
            new RequestGrammar(random, { ...grammar, name }).connection(),
        );
        if (fault !== undefined) faults.push(fault);
      }
    }));
    faults.push(...proxy.warnings);
  }
  tally.up += up.length;
  const taken = upstream.requests.map(({ raw }) => raw).join("").length;
  if (upstream.bytes.join("").length !== taken) {
    faults.push("What is no whole request went up");
  }
  return faults;
}

/**
 * Registers the test of one way, each in a file of its own: they take long, and
 * files run side by side.
 *
 * @param how whether answers are given to several
 */
export function fuzzRequests(how: "alone" | "together with others"): void {
  Deno.test(`startProxy() answers each request once and sends none astray when clients send anything, ${how}`, async () => {
    const shares = how !== "alone";
    const { first, count } = seeds(1 / 2);
    const tally = { cases: 0, up: 0, echoes: 0, refusals: 0, givenAgain: 0 };
    for (let at = first; at < first + count; at += BATCH) {
      const size = Math.min(BATCH, first + count - at);
      const faults = await tryBatch(at, size, shares, tally);
      const all = again(at, 2 * size);
      assertEquals(faults, [], `with the cases beside it: ${all}`);
    }
    const { cases, up, echoes, refusals, givenAgain } = tally;
    figure(
      `fuzzed requests, ${how}`,
      `${cases} cases, ${up} requests went up, ${echoes} answers of the ` +
        `service's, ${givenAgain} of them given before`,
    );
    if (count < 500) return;
    assert(up > cases / 4, `${up} requests went up in ${cases} cases`);
    assert(refusals > cases / 100, `${refusals} refusals`);
    assert(echoes >= up / 2, `${echoes} answers of the service's`);
    if (shares) assert(givenAgain > cases / 50, `${givenAgain} given again`);
    else assertEquals(givenAgain, 0);
  });
}
