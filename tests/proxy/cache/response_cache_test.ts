import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Answer, WholeAnswer } from "../../../lib/proxy/answer.ts";
import type { Header } from "../../../lib/proxy/headers.ts";
import {
  type Ask,
  ResponseCache,
} from "../../../lib/proxy/cache/response_cache.ts";
import type { UpstreamRequest } from "../../../lib/proxy/upstream/upstream.ts";

const TOKEN = "x-aws-ec2-metadata-token";

function get(
  target = "/latest/meta-data/instance-id",
  headers: readonly Header[] = [["host", "h"]],
): UpstreamRequest {
  return { method: "GET", target, headers, body: undefined };
}

/** A request under a token. */
const under = (token: string, target: string): UpstreamRequest =>
  get(target, [["host", "h"], [TOKEN, token]]);

/** A client that stays. */
function staying() {
  return { signal: new AbortController().signal };
}

/** The answer to a client that stays. */
function answerTo(
  cache: ResponseCache,
  request: UpstreamRequest,
  ask: Ask,
): Promise<Answer> {
  return cache.answer(request, staying(), ask);
}

/** A service that counts how often it is asked. */
class Service {
  asked = 0;
  next: Partial<WholeAnswer> = {};

  readonly ask = (): Promise<Answer> => {
    this.asked++;
    const answer = {
      status: 200,
      headers: [],
      bytes: new Uint8Array([this.asked]),
      ...this.next,
    };
    return Promise.resolve(answer);
  };
}

/** How often the service is asked when a request comes twice. */
async function askedFor(
  request: UpstreamRequest,
  next: Partial<WholeAnswer> = {},
  lifeMs = 1_000,
): Promise<number> {
  const service = new Service();
  service.next = next;
  const cache = new ResponseCache(lifeMs, () => 0);
  await answerTo(cache, request, service.ask);
  await answerTo(cache, request, service.ask);
  return service.asked;
}

Deno.test("ResponseCache.answer() answers again until the life is over", async () => {
  const service = new Service();
  let now = 0;
  const cache = new ResponseCache(1_000, () => now);
  const first = await answerTo(cache, get(), service.ask);
  now = 999;
  assertEquals(await answerTo(cache, get(), service.ask), first);
  now = 1_000;
  assert(await answerTo(cache, get(), service.ask) !== first);
  assertEquals(service.asked, 2);
});

Deno.test("ResponseCache.answer() keeps nothing longer than its token is good", async () => {
  const service = new Service();
  service.next = {
    headers: [["X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "2"]],
  };
  let now = 0;
  const cache = new ResponseCache(60_000, () => now);
  await answerTo(cache, under("t", "/a"), service.ask);
  now = 1_999;
  await answerTo(cache, under("t", "/a"), service.ask);
  assertEquals(service.asked, 1);
  now = 2_000;
  await answerTo(cache, under("t", "/a"), service.ask);
  assertEquals(service.asked, 2);
});

Deno.test("ResponseCache.answer() keeps and shares nothing when the life is 0", async () => {
  assertEquals(await askedFor(get(), {}, 0), 2);
});

const NEVER: ReadonlyArray<readonly [string, UpstreamRequest]> = [
  ["PUT", { ...get(), method: "PUT" }],
  ["HEAD", { ...get(), method: "HEAD" }],
  ["a range", get("/latest/user-data", [["range", "bytes=0-1"]])],
  ["a condition", get("/latest/user-data", [["if-none-match", "x"]])],
  ["a date", get("/latest/user-data", [["if-modified-since", "x"]])],
  ["a token", get("/latest/api/token")],
  ["credentials", get("/latest/meta-data/iam/security-credentials/role")],
  [
    "credentials of old",
    get("/2009-04-04//meta-data/%69am/security-credentials/r"),
  ],
  ["identity credentials", get("/1.0/meta-data/identity-credentials/ec2/x")],
  ["a password", get("/openstack/latest/password")],
  ["a notice of an end", get("/latest/meta-data/spot/instance-action")],
  ["an advice", get("/latest/meta-data/events/recommendations/rebalance")],
  ["a state", get("/latest/meta-data/autoscaling/target-lifecycle-state")],
];

Deno.test("ResponseCache.answer() keeps nothing that is for one who asks", async () => {
  for (const [what, request] of NEVER) {
    assertEquals(await askedFor(request), 2, what);
  }
});

Deno.test("ResponseCache.answer() keeps no answer that may be over in a moment", async () => {
  for (const status of [401, 403, 429, 500, 503]) {
    assertEquals(await askedFor(get(), { status }), 2, `${status}`);
  }
  assertEquals(await askedFor(get(), { status: 404 }), 1);
  assertEquals(
    await askedFor(get(), { headers: [["Cache-Control", "No-Store"]] }),
    2,
  );
  assertEquals(
    await askedFor(get(), { bytes: new Uint8Array(64 * 1024) }),
    1,
  );
  assertEquals(
    await askedFor(get(), { bytes: new Uint8Array(64 * 1024 + 1) }),
    2,
  );
});

Deno.test("ResponseCache.answer() tells requests apart by target and every header", async () => {
  const service = new Service();
  const cache = new ResponseCache(1_000, () => 0);
  const requests = [
    get("/a"),
    get("/a/"),
    get("/a?"),
    get("/a", [["host", "h"], [TOKEN, "1"]]),
    get("/a", [["host", "h"], [TOKEN, "2"]]),
    get("/a", [["host", "i"]]),
    get("/a", [["host", "h"], ["accept", "x"]]),
  ];
  for (const request of [...requests, ...requests]) {
    await answerTo(cache, request, service.ask);
  }
  assertEquals(service.asked, requests.length);
});

Deno.test("ResponseCache.answer() sends one request for all that come at one moment", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const answer = Promise.withResolvers<Answer>();
  let asked = 0;
  const ask = () => {
    asked++;
    return answer.promise;
  };
  const all = Array.from({ length: 100 }, () => answerTo(cache, get(), ask));
  answer.resolve({ status: 503, headers: [], bytes: null });
  for (const one of await Promise.all(all)) assertEquals(one.status, 503);
  assertEquals(asked, 1);
});

Deno.test("ResponseCache.answer() lets a retry ask anew while the first one hangs", async () => {
  let now = 0;
  const cache = new ResponseCache(1_000, () => now);
  const hanging = Promise.withResolvers<Answer>();
  const first = answerTo(cache, get(), () => hanging.promise);
  const service = new Service();
  now = 249;
  const joined = answerTo(cache, get(), service.ask);
  assertEquals(service.asked, 0);
  now = 250;
  const retried = await answerTo(cache, get(), service.ask);
  assertEquals(service.asked, 1);
  hanging.resolve({ status: 200, headers: [], bytes: null });
  assertEquals(await joined, await first);
  // What came first was asked for earlier.
  assertEquals(await answerTo(cache, get(), service.ask), retried);
  assertEquals(service.asked, 1);
});

Deno.test("ResponseCache.answer() lets each ask when the first answer is streamed", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  let asked = 0;
  const ask = (): Promise<Answer> => {
    asked++;
    return Promise.resolve({
      status: 200,
      headers: [],
      stream: new ReadableStream(),
      ended: Promise.resolve({ rewritten: false }),
    });
  };
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => answerTo(cache, get(), ask)),
  );
  assertEquals(new Set(answers).size, 3);
  assertEquals(asked, 3);
});

Deno.test("ResponseCache.answer() meets all who wait with the error, and forgets it", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const service = new Service();
  const fail = () => Promise.reject(new Error("refused"));
  const first = answerTo(cache, get(), fail);
  const second = answerTo(cache, get(), service.ask);
  await assertRejects(() => first, Error, "refused");
  await assertRejects(() => second, Error, "refused");
  assertEquals(service.asked, 0);
  assertEquals((await answerTo(cache, get(), service.ask)).status, 200);
});

Deno.test("ResponseCache.answer() never answers from memory under a token that was refused", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const service = new Service();
  await answerTo(cache, under("old", "/a"), service.ask);
  await answerTo(cache, under("new", "/a"), service.ask);
  service.next = { status: 401 };
  await answerTo(cache, under("old", "/b"), service.ask);
  assertEquals(
    (await answerTo(cache, under("old", "/a"), service.ask)).status,
    401,
  );
  assertEquals(
    (await answerTo(cache, under("new", "/a"), service.ask)).status,
    200,
  );
});

/** Requests that are answered 401 and are never kept themselves. */
const REFUSED: ReadonlyArray<readonly [string, UpstreamRequest]> = [
  ["credentials", under("old", "/latest/meta-data/iam/security-credentials/r")],
  ["HEAD", { ...under("old", "/b"), method: "HEAD" }],
  ["a range", {
    ...under("old", "/b"),
    headers: [["range", "bytes=0-1"], [TOKEN, "old"]],
  }],
];

for (const [what, refused] of REFUSED) {
  Deno.test(`ResponseCache.answer() forgets what a token got when it is refused ${what}`, async () => {
    const cache = new ResponseCache(1_000, () => 0);
    const service = new Service();
    await answerTo(cache, under("old", "/a"), service.ask);
    service.next = { status: 401 };
    await answerTo(cache, refused, service.ask);
    assertEquals(
      (await answerTo(cache, under("old", "/a"), service.ask)).status,
      401,
    );
  });
}

Deno.test("ResponseCache.answer() forgets what a token got when a refusal is streamed", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const service = new Service();
  await answerTo(cache, under("t", "/a"), service.ask);
  await answerTo(cache, under("t", "/b"), () =>
    Promise.resolve({
      status: 401,
      headers: [],
      stream: new ReadableStream(),
      ended: Promise.resolve({ rewritten: false }),
    }));
  await answerTo(cache, under("t", "/a"), service.ask);
  assertEquals(service.asked, 2);
});

Deno.test("ResponseCache.answer() uses nothing again that was asked for before the token was refused", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const service = new Service();
  const late = Promise.withResolvers<Answer>();
  const first = answerTo(cache, under("t", "/a"), () => late.promise);
  const refuse = (): Promise<Answer> =>
    Promise.resolve({ status: 401, headers: [], bytes: null });
  await answerTo(cache, under("t", "/b"), refuse);
  // It does not wait for what is on its way, nor does that replace it.
  const second = answerTo(cache, under("t", "/a"), refuse);
  late.resolve({ status: 200, headers: [], bytes: null });
  assertEquals((await first).status, 200);
  assertEquals((await second).status, 401);
  service.next = { status: 401 };
  assertEquals(
    (await answerTo(cache, under("t", "/a"), service.ask)).status,
    401,
  );
  assertEquals(service.asked, 1);
});

Deno.test("ResponseCache.answer() is bounded in answers and bytes", async () => {
  const cache = new ResponseCache(1_000, () => 0);
  const service = new Service();
  for (let i = 0; i < 600; i++) {
    await answerTo(cache, get(`/${i}`), service.ask);
  }
  await answerTo(cache, get("/599"), service.ask);
  assertEquals(service.asked, 600);
  await answerTo(cache, get("/0"), service.ask);
  assertEquals(service.asked, 601);
  service.next = { bytes: new Uint8Array(64 * 1024) };
  for (let i = 0; i < 100; i++) {
    await answerTo(cache, get(`/large/${i}`), service.ask);
  }
  await answerTo(cache, get("/large/99"), service.ask);
  assertEquals(service.asked, 701);
  await answerTo(cache, get("/large/0"), service.ask);
  assertEquals(service.asked, 702);
});

Deno.test("ResponseCache.answer() counts the bytes of heads, not of bodies alone", async () => {
  const heads: ReadonlyArray<
    readonly [(i: number) => UpstreamRequest, Partial<WholeAnswer>]
  > = [
    [(i) => get(`/${i}?${"x".repeat(60_000)}`), {}],
    [(i) => get("/", [["host", "h"], [TOKEN, `${i}`.padEnd(60_000)]]), {}],
    [(i) => get(`/${i}`), { headers: [["X-Long", "x".repeat(60_000)]] }],
  ];
  for (const [request, next] of heads) {
    const cache = new ResponseCache(1_000, () => 0);
    const service = new Service();
    service.next = next;
    for (let i = 0; i < 100; i++) {
      await answerTo(cache, request(i), service.ask);
    }
    await answerTo(cache, request(99), service.ask);
    assertEquals(service.asked, 100);
    await answerTo(cache, request(0), service.ask);
    assertEquals(service.asked, 101);
  }
});
