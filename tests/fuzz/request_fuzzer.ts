/**
 * Makes raw requests from seeds and tries them on proxies.
 *
 * @module
 */
import { assert } from "@std/assert";
import { createRandom } from "../helpers/random.ts";
import { figure } from "../reliability/figures.ts";
import { guardConnections, type Guarded } from "./guard.ts";
import { mutate, pieces } from "./mutate.ts";
import { RequestGrammar } from "./request_grammar.ts";
import { type Case, Lane, type Tally } from "./request_lane.ts";
import { again, type Seeds } from "./settings.ts";
import { shrunk } from "./shrink.ts";

/** Proxies that are asked at the same time, each with its own upstream. */
const LANES = 8;

/**
 * Whether a case is tried where answers are shared: those of every other lane,
 * as the number of lanes is even.
 */
function shares(seed: number): boolean {
  return seed % 2 === 1;
}

/** The same where a hang is looked at more closely. */
const SHORT_BOUND_MS = 500;

/** Makes the case of a seed. */
function caseOf(seed: number, elsewhere: string): Case {
  const random = createRandom(seed);
  const made = (name: string) =>
    new RequestGrammar(
      random,
      { authority: elsewhere },
      name,
      shares(seed),
    ).connection();
  const right = made(`${seed}`);
  const damaged = random.int(9) > 3;
  const bytes = damaged ? mutate(random, right, () => made(`${seed}s`)) : right;
  return {
    seed,
    bytes,
    damaged,
    pieces: pieces(random, bytes),
    vanishes: random.int(20) === 0,
  };
}

/** A request that is answered as long as the proxy lives. */
function probe(seed: number): Case {
  const bytes = `GET /latest/meta-data/placement/region?probe=${seed} ` +
    "HTTP/1.1\r\nHost: h\r\n\r\n";
  return { seed, bytes, damaged: false, pieces: [bytes], vanishes: false };
}

/** Cases between probes; odd, so that it is the turn of every lane. */
const PROBE_EVERY = 101;

/**
 * Tries the cases of some seeds.
 *
 * @throws {Error} with the least bytes that fail in the same way
 */
export async function fuzzRequests({ first, count }: Seeds): Promise<void> {
  const tally: Tally = {
    cases: 0,
    up: 0,
    echoes: 0,
    refusals: 0,
    http2: 0,
    sharing: 0,
    repeats: 0,
    given: 0,
    reused: 0,
    joined: 0,
  };
  await using guard = guardConnections();
  const elsewhere = guard.elsewhere;
  let failed: { readonly of: Case; readonly why: string } | undefined;
  const run = async (number: number): Promise<void> => {
    let next = first + number;
    await using lane = await new Lane(tally, guard, { shares: shares(next) })
      .start();
    const client = async (seat: number): Promise<void> => {
      while (next < first + count && failed === undefined) {
        const of = caseOf(next, elsewhere);
        next += LANES;
        const why = await lane.try(of, seat) ??
          (of.seed % PROBE_EVERY === 0
            ? await lane.try(probe(of.seed), seat)
            : undefined);
        if (why === undefined) continue;
        failed ??= { of, why };
        globalThis.addEventListener("error", hush);
      }
    };
    await Promise.all(Array.from({ length: lane.seats }, (_, i) => client(i)));
  };
  try {
    await Promise.all(Array.from({ length: LANES }, (_, i) => run(i)));
    if (failed !== undefined) throw await explained(failed, tally, guard);
  } finally {
    globalThis.removeEventListener("error", hush);
  }
  const { sharing, repeats, given, reused, joined } = tally;
  figure(
    "fuzzed requests where answers are shared",
    `${sharing} of ${tally.cases} cases, ${repeats} of them with an answer ` +
      `given before; of ${given} answers ${reused} were from memory, ` +
      `${joined} of another's request`,
  );
  if (count >= 1_000) requireVariety(tally);
}

/** What a proxy does that has to be ended by force must not hide why. */
function hush(event: Event): void {
  event.preventDefault();
}

/** A run that tried nothing cannot pass. */
function requireVariety(tally: Tally): void {
  const { cases, up, echoes, refusals, http2 } = tally;
  const { sharing, repeats, reused, joined } = tally;
  assert(up > cases / 4, `${up} requests went up in ${cases} cases`);
  assert(echoes > cases / 4, `${echoes} answers came down`);
  assert(refusals > cases / 20, `${refusals} refusals`);
  assert(http2 > cases / 100, `${http2} cases over HTTP/2`);
  assert(sharing > cases / 3, `${sharing} cases where answers are shared`);
  assert(repeats > sharing / 50, `${repeats} cases with answers of others`);
  assert(reused > sharing / 50, `${reused} answers from memory`);
  assert(joined >= Math.floor(sharing / 1_000), `${joined} answers in common`);
}

/** Tries smaller forms of what failed, each on a proxy of its own. */
async function explained(
  { of, why }: { readonly of: Case; readonly why: string },
  tally: Tally,
  guard: Guarded,
): Promise<Error> {
  const kind = why.slice(0, why.indexOf(":"));
  let told = why;
  const fails = async (of: Case, bytes: string): Promise<boolean> => {
    await using lane = await new Lane(tally, guard, {
      shares: shares(of.seed),
      boundMs: SHORT_BOUND_MS,
    }).start();
    // Those of the try before may come late.
    guard.takeStrays();
    const found = await lane.try({
      ...of,
      bytes,
      pieces: [bytes],
      damaged: true,
    }) ?? await lane.try(probe(of.seed));
    if (!found?.startsWith(`${kind}:`)) return false;
    told = found;
    return true;
  };
  const text = (bytes: string) => JSON.stringify(bytes.slice(0, 4_000));
  // Where one connects is not seen by lane: it may have been another's case.
  for (let back = 0; back <= 2 * LANES; back++) {
    if (of.seed < back) break;
    const suspect = caseOf(of.seed - back, guard.elsewhere);
    if (!await fails(suspect, suspect.bytes)) continue;
    const least = await shrunk(
      suspect.bytes,
      (bytes) => fails(suspect, bytes),
    );
    return new Error(
      `seed ${suspect.seed}: ${told}\nleast bytes: ${text(least)}\n` +
        `again with: ${again(suspect.seed)}`,
    );
  }
  return new Error(
    `seed ${of.seed}: ${told}\nbytes: ${text(of.bytes)}\n` +
      `only after the cases before it, such as ${again(of.seed)}`,
  );
}
