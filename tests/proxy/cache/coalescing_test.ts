import { assertEquals, assertRejects } from "@std/assert";
import type { Answer } from "../../../lib/proxy/answer.ts";
import { SharedRequest } from "../../../lib/proxy/cache/coalescing.ts";
import { ClientGone } from "../../../lib/proxy/upstream/upstream_error.ts";

const WHOLE: Answer = { status: 200, headers: [], bytes: null };
const GIVEN = { since: 0, token: undefined };

/** A request on its way, and what happens to it. */
function sent() {
  const answer = Promise.withResolvers<Answer>();
  let signal: AbortSignal | undefined;
  const request = new SharedRequest((given) => {
    signal = given;
    given.addEventListener("abort", () => answer.reject(given.reason));
    return answer.promise;
  }, GIVEN);
  return { answer, request, isAborted: () => signal?.aborted };
}

/** An answer that can be read once, and whether its reader gave it up. */
function streamed() {
  let isCancelled = false;
  const stream = new ReadableStream({
    cancel: () => void (isCancelled = true),
  });
  const ended = Promise.resolve({ rewritten: false });
  const answer: Answer = { status: 200, headers: [], stream, ended };
  return { answer, isCancelled: () => isCancelled };
}

for (const leaving of [0, 1, 2]) {
  Deno.test(`SharedRequest goes on while anybody waits, when client ${leaving} of three leaves`, async () => {
    const { answer, request, isAborted } = sent();
    const clients = [0, 1, 2].map(() => new AbortController());
    const waits = clients.map(({ signal }) => request.wait(signal));
    clients[leaving]?.abort();
    await assertRejects(() => waits[leaving] as Promise<unknown>, ClientGone);
    assertEquals([isAborted(), request.isAbandoned], [false, false]);
    answer.resolve(WHOLE);
    for (const wait of waits.toSpliced(leaving, 1)) {
      assertEquals(await wait, WHOLE);
    }
  });
}

Deno.test("SharedRequest ends with the last client that waits for it", async () => {
  const { request, isAborted } = sent();
  const clients = [0, 1].map(() => new AbortController());
  const waits = clients.map(({ signal }) => request.wait(signal));
  for (const [i, client] of clients.entries()) {
    assertEquals(isAborted(), false);
    client.abort();
    await assertRejects(() => waits[i] as Promise<unknown>, ClientGone);
  }
  assertEquals([isAborted(), request.isAbandoned], [true, true]);
});

Deno.test("SharedRequest ends at once for a client that has left already", async () => {
  const { request, isAborted } = sent();
  await assertRejects(() => request.wait(AbortSignal.abort()), ClientGone);
  assertEquals(isAborted(), true);
});

Deno.test("SharedRequest is not ended by a client that leaves with its answer", async () => {
  const { answer, request, isAborted } = sent();
  const client = new AbortController();
  const wait = request.wait(client.signal);
  answer.resolve(WHOLE);
  await wait;
  client.abort();
  assertEquals(isAborted(), false);
});

Deno.test("SharedRequest gives a streamed answer to one who is still there", async () => {
  const { answer, request } = sent();
  const first = new AbortController();
  const waits = [
    first.signal,
    ...[1, 2].map(() => new AbortController().signal),
  ]
    .map((signal) => request.wait(signal));
  first.abort();
  await assertRejects(() => waits[0] as Promise<unknown>, ClientGone);
  const { answer: once, isCancelled } = streamed();
  answer.resolve(once);
  assertEquals(await Promise.all(waits.slice(1)), [once, undefined]);
  assertEquals(isCancelled(), false);
});

Deno.test("SharedRequest gives up a streamed answer that comes when all have left", async () => {
  const answer = Promise.withResolvers<Answer>();
  const request = new SharedRequest(() => answer.promise, GIVEN);
  await assertRejects(() => request.wait(AbortSignal.abort()), ClientGone);
  const { answer: once, isCancelled } = streamed();
  answer.resolve(once);
  await answer.promise;
  await Promise.resolve();
  assertEquals(isCancelled(), true);
});
