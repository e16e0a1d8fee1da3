/**
 * The demo's own check: every question asked both ways, the two answers held
 * against each other.
 *
 * @module
 */
import {
  askMetadata,
  type MetadataAnswer,
  TOKEN_HEADER,
  TOKEN_TARGET,
  TOKEN_TTL_HEADER,
} from "../system/metadata_client.ts";
import type { Question } from "./demo_questions.ts";

/** Both ends are this process: longer means that it hangs. */
const TIMEOUT_MS = 5_000;

const TOKEN_TTL_SECONDS = 60;

/** A region and the one it shows as. */
export interface RegionPair {
  /** Where the simulated instance runs. */
  readonly real: string;
  /** What c2s-imds shows instead. */
  readonly emulated: string;
}

/** Where the two are asked, as `http://HOST:PORT`. */
export interface Urls {
  /** The metadata service itself. */
  readonly real: string;
  /** c2s-imds in front of it. */
  readonly through: string;
}

/** The two answers to one question. */
export interface Comparison {
  /** The question. */
  readonly question: Question;
  /** The answer of the metadata service itself. */
  readonly real: MetadataAnswer;
  /** The answer through c2s-imds. */
  readonly through: MetadataAnswer;
  /** Whether the bodies differ. */
  readonly changed: boolean;
  /** Whether both answers are what the question says they must be. */
  readonly asExpected: boolean;
}

/**
 * Asks every question both ways, each way with a token of its own.
 *
 * @param questions what to ask
 * @param urls where to ask
 * @param regions what must change
 * @throws {Error} when one of them gives no token or does not answer
 */
export async function compareAnswers(
  questions: readonly Question[],
  urls: Urls,
  regions: RegionPair,
): Promise<Comparison[]> {
  const real = await openSession(urls.real);
  const through = await openSession(urls.through);
  const comparisons: Comparison[] = [];
  for (const question of questions) {
    const target = question.directory + question.path;
    comparisons.push(
      judge(question, await real(target), await through(target), regions),
    );
  }
  return comparisons;
}

/**
 * Holds two answers against each other, and against what must become of them.
 *
 * @param question what was asked
 * @param real the answer of the metadata service itself
 * @param through the answer through c2s-imds
 * @param regions what must change
 */
export function judge(
  question: Question,
  real: MetadataAnswer,
  through: MetadataAnswer,
  regions: RegionPair,
): Comparison {
  const changed = !sameBytes(real.body, through.body);
  return {
    question,
    real,
    through,
    changed,
    asExpected: real.status === question.status &&
      through.status === question.status &&
      changed === (question.changes !== undefined) &&
      sameBytes(through.body, expectedBody(question, real.body, regions)),
  };
}

function expectedBody(
  { changes }: Question,
  body: Uint8Array,
  { real, emulated }: RegionPair,
): Uint8Array {
  if (changes === undefined) return body;
  const text = new TextDecoder().decode(body);
  return new TextEncoder().encode(
    text.replace(changes, (part) => part.replaceAll(real, emulated)),
  );
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}

/** Gets a token and returns what asks with it. */
async function openSession(
  url: string,
): Promise<(target: string) => Promise<MetadataAnswer>> {
  const { status, body } = await askMetadata({
    url,
    method: "PUT",
    target: TOKEN_TARGET,
    headers: { [TOKEN_TTL_HEADER]: String(TOKEN_TTL_SECONDS) },
    timeoutMs: TIMEOUT_MS,
  });
  if (status !== 200) {
    throw new Error(`Cannot get a token from ${url}: status ${status}`);
  }
  const headers = { [TOKEN_HEADER]: new TextDecoder().decode(body) };
  return (target) =>
    askMetadata({ url, target, headers, timeoutMs: TIMEOUT_MS });
}
