import { assert, assertEquals, assertRejects } from "@std/assert";
import { Meters } from "../../lib/system/meters.ts";
import type { Answer } from "../../lib/proxy/answer.ts";
import type { Header } from "../../lib/proxy/headers.ts";
import {
  type ResponseCache,
  responseCache,
} from "../../lib/proxy/response_cache.ts";
import type { UpstreamRequest } from "../../lib/proxy/upstream/upstream.ts";
import { ClientGone } from "../../lib/proxy/upstream/upstream_error.ts";
import { waitingUntil } from "../helpers/waiting.ts";

const TOKEN = "x-aws-ec2-metadata-token";
const CREDENTIALS = "/latest/meta-data/iam/security-credentials/r";

function get(
  target = "/latest/meta-data/instance-id",
  ...headers: readonly Header[]
): UpstreamRequest {
  return {
    method: "GET",
    target,
    headers: [["host", "h"], ...headers],
    body: undefined,
  };
}

/** A request under a token. */
const under = (token: string, target: string) => get(target, [TOKEN, token]);

const NOT_THERE: Answer = { status: 404, headers: [], body: null };
const REFUSED: Answer = { status: 401, headers: [], body: null };

/** An answer that can be read once, and whether its reader gave it up. */
function streamed(status = 200) {
  const seen = { cancelled: false };
  const cancel = () => void (seen.cancelled = true);
  const body = new ReadableStream({ cancel });
  return { seen, answer: { status, headers: [], body } };
}

/** A cache before a service that counts how often it is asked. */
class Stage {
  now = 0;
  asked = 0;
  /** What the service answers. */
  next: Partial<Answer> | Promise<Answer> = {};
  /** Whether nobody waits for the last answer any more. */
  isGivenUp = false;
  readonly #cache: ResponseCache;

  constructor(lifeMs = 1_000) {
    this.#cache = responseCache(lifeMs, new Meters(), () => this.now);
  }

  async ask(
    request = get(),
    signal = new AbortController().signal,
  ): Promise<Answer> {
    return await this.#cache(request, waitingUntil(signal), async (waiting) => {
      this.asked++;
      this.isGivenUp = false;
      waiting(() => this.isGivenUp = true);
      const body = new Uint8Array([this.asked]);
      return { status: 200, headers: [], body, ...await this.next };
    });
  }

  async status(request: UpstreamRequest): Promise<number> {
    return (await this.ask(request)).status;
  }
}

Deno.test("ResponseCache answers again until the life is over, or that of the token", async () => {
  const ttl: Header = ["X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "2"];
  for (const [lifeMs, headers] of [[1_000, []], [60_000, [ttl]]] as const) {
    const stage = new Stage(lifeMs);
    stage.next = { headers };
    const first = await stage.ask();
    const untilMs = headers.length > 0 ? 2_000 : lifeMs;
    stage.now = untilMs - 1;
    assert(await stage.ask() === first);
    stage.now = untilMs;
    assert(await stage.ask() !== first);
  }
});

/** Requests that come twice, what they are answered, and how often they go up. */
const TWICE: ReadonlyArray<
  readonly [string, number, UpstreamRequest, Partial<Answer>?]
> = [
  ["any other", 1, get()],
  ["PUT", 2, { ...get(), method: "PUT" }],
  ["HEAD", 2, { ...get(), method: "HEAD" }],
  ["a range", 2, get("/latest/user-data", ["range", "bytes=0-1"])],
  ["a condition", 2, get("/latest/user-data", ["if-none-match", "x"])],
  ["a date", 2, get("/latest/user-data", ["if-modified-since", "x"])],
  ["a token", 2, get("/latest/api/token")],
  ["credentials", 2, get(CREDENTIALS)],
  [
    "credentials of old",
    2,
    get("/2009-04-04//meta-data/%69am/security-credentials/r"),
  ],
  ["identity credentials", 2, get("/1.0/meta-data/identity-credentials/ec2/x")],
  ["a password", 2, get("/openstack/latest/password")],
  ["a notice of an end", 2, get("/latest/meta-data/spot/instance-action")],
  ["an advice", 2, get("/latest/meta-data/events/recommendations/rebalance")],
  ["a state", 2, get("/latest/meta-data/autoscaling/target-lifecycle-state")],
  ...[401, 403, 429, 500, 503].map((status) =>
    [`status ${status}`, 2, get(), { status }] as const
  ),
  ["status 404", 1, get(), NOT_THERE],
  ["no-store", 2, get(), { headers: [["Cache-Control", "No-Store"]] }],
  ["64 KiB", 1, get(), { body: new Uint8Array(64 * 1024) }],
  ["more than 64 KiB", 2, get(), { body: new Uint8Array(64 * 1024 + 1) }],
];

Deno.test("ResponseCache keeps nothing that is for one who asks, or may be over in a moment", async () => {
  for (const [what, times, request, next = {}] of TWICE) {
    const stage = new Stage();
    stage.next = next;
    await stage.ask(request);
    await stage.ask(request);
    assertEquals(stage.asked, times, what);
  }
  const off = new Stage(0);
  await Promise.all([off.ask(), off.ask()]);
  assertEquals(off.asked, 2);
});

Deno.test("ResponseCache tells requests apart by target and every header", async () => {
  const stage = new Stage();
  const requests = [
    ...["/a", "/a/", "/a?"].map((target) => get(target)),
    ...["1", "2"].map((token) => under(token, "/a")),
    { ...get("/a"), headers: [["host", "i"]] as const },
    get("/a", ["accept", "x"]),
  ];
  for (const request of [...requests, ...requests]) await stage.ask(request);
  assertEquals(stage.asked, requests.length);
});

Deno.test("ResponseCache sends one request for all that come at one moment, and a retry anew", async () => {
  const stage = new Stage();
  const hanging = Promise.withResolvers<Answer>();
  stage.next = hanging.promise;
  const all = Array.from({ length: 100 }, () => stage.ask());
  stage.now = 249;
  all.push(stage.ask());
  stage.next = {};
  stage.now = 250;
  const retried = await stage.ask();
  hanging.resolve(NOT_THERE);
  for (const answer of await Promise.all(all)) assertEquals(answer.status, 404);
  // What came first was asked for earlier.
  assert(await stage.ask() === retried);
  assertEquals(stage.asked, 2);
});

Deno.test("ResponseCache lets each ask when the first answer is streamed", async () => {
  const stage = new Stage();
  const stream = () => stage.next = streamed().answer;
  const answers = await Promise.all([1, 2, 3].map(() => {
    stream();
    return stage.ask();
  }));
  assertEquals(answers.map(({ body }) => body instanceof ReadableStream), [
    ...[true, true, true],
  ]);
  assertEquals(stage.asked, 3);
});

Deno.test("ResponseCache meets all who wait with the error, and forgets it", async () => {
  const stage = new Stage();
  stage.next = Promise.reject(new Error("refused"));
  for (const one of [stage.ask(), stage.ask()]) {
    await assertRejects(() => one, Error, "refused");
  }
  assertEquals(stage.asked, 1);
  stage.next = {};
  assertEquals(await stage.status(get()), 200);
});

/** Requests under a token that the service refuses, some never kept. */
const REFUSALS: ReadonlyArray<readonly [UpstreamRequest, Answer]> = [
  [under("old", "/b"), REFUSED],
  [under("old", "/b"), streamed(401).answer],
  [under("old", CREDENTIALS), REFUSED],
  [{ ...under("old", "/b"), method: "HEAD" }, REFUSED],
  [get("/b", ["range", "bytes=0-1"], [TOKEN, "old"]), REFUSED],
];

Deno.test("ResponseCache never answers from memory under a token that was refused", async () => {
  for (const [request, refused] of REFUSALS) {
    const stage = new Stage();
    await stage.ask(under("old", "/a"));
    await stage.ask(under("new", "/a"));
    stage.next = refused;
    await stage.ask(request);
    stage.next = REFUSED;
    assertEquals(await stage.status(under("old", "/a")), 401);
    assertEquals(await stage.status(under("new", "/a")), 200);
  }
});

Deno.test("ResponseCache uses nothing again that was asked for before the token was refused", async () => {
  const stage = new Stage();
  const late = Promise.withResolvers<Answer>();
  stage.next = late.promise;
  const first = stage.ask(under("t", "/a"));
  stage.next = REFUSED;
  await stage.ask(under("t", "/b"));
  // It does not wait for what is on its way, nor does that replace it.
  assertEquals(await stage.status(under("t", "/a")), 401);
  late.resolve(NOT_THERE);
  assertEquals((await first).status, 404);
  assertEquals(await stage.status(under("t", "/a")), 401);
});

/** What fills the memory: requests by number, and what they are answered. */
const MUCH: ReadonlyArray<
  readonly [number, (i: number) => UpstreamRequest, Partial<Answer>]
> = [
  [5_000, (i) => get(`/${i}`), {}],
  [100, (i) => get(`/${i}`), { body: new Uint8Array(64 * 1024) }],
  [100, (i) => get(`/${i}?${"x".repeat(60_000)}`), {}],
  [100, (i) => under(`${i}`.padEnd(60_000), "/"), {}],
  [100, (i) => get(`/${i}`), { headers: [["X-Long", "x".repeat(60_000)]] }],
];

Deno.test("ResponseCache is bounded in answers, and in the bytes of bodies and heads", async () => {
  for (const [count, request, next] of MUCH) {
    const stage = new Stage();
    stage.next = next;
    for (let i = 0; i < count; i++) await stage.ask(request(i));
    await stage.ask(request(count - 1));
    assertEquals(stage.asked, count);
    await stage.ask(request(0));
    assertEquals(stage.asked, count + 1);
  }
});

/** Clients that wait for one answer, which is still to come. */
function waiting(count: number) {
  const stage = new Stage();
  const { promise, resolve } = Promise.withResolvers<Answer>();
  stage.next = promise;
  const clients = Array.from({ length: count }, () => new AbortController());
  const waits = clients.map(({ signal }) => stage.ask(get(), signal));
  const leave = async (i: number) => {
    clients[i]?.abort();
    await assertRejects(() => waits[i] as Promise<unknown>, ClientGone);
  };
  return { stage, resolve, waits, leave };
}

Deno.test("ResponseCache goes on with a request while anybody waits, and ends it with the last", async () => {
  for (const leaving of [0, 1, 2]) {
    const { stage, resolve, waits, leave } = waiting(3);
    await leave(leaving);
    assertEquals(stage.isGivenUp, false);
    resolve(NOT_THERE);
    for (const wait of waits.toSpliced(leaving, 1)) {
      assertEquals((await wait).status, 404);
    }
  }
  const { stage, leave } = waiting(2);
  await leave(0);
  assertEquals(stage.isGivenUp, false);
  await leave(1);
  assertEquals(stage.isGivenUp, true);
  // Nobody joins what is given up.
  stage.next = NOT_THERE;
  assertEquals(await stage.status(get()), 404);
  await assertRejects(
    () => stage.ask(get("/other"), AbortSignal.abort()),
    ClientGone,
  );
  assertEquals(stage.isGivenUp, true);
});

Deno.test("ResponseCache gives a streamed answer to one who is still there, or gives it up", async () => {
  const { resolve, waits, leave } = waiting(2);
  await leave(0);
  const kept = streamed();
  resolve(kept.answer);
  assertEquals((await waits[1])?.body, kept.answer.body);
  assertEquals(kept.seen.cancelled, false);

  const abandoned = waiting(1);
  await abandoned.leave(0);
  const { seen, answer } = streamed();
  abandoned.resolve(answer);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(seen.cancelled, true);
});
