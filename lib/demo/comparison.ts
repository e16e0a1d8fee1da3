/**
 * What the demo asks, of the metadata service and of c2s-imds, and the two
 * answers.
 *
 * @module
 */
import { INSTANCE } from "../simulator/default_instance.ts";
import { TOKEN_HEADER, TOKEN_TTL_HEADER } from "../proxy/headers.ts";
import {
  askMetadata,
  type MetadataAnswer,
  TOKEN_TARGET,
} from "../proxy/metadata_client.ts";
import { equals } from "../system/bytes.ts";

/** One path to ask. */
export interface Question {
  /** The directory under which the table shows it, with its last slash. */
  readonly directory: string;
  /** The rest of the path. */
  readonly path: string;
  /** The fields of a JSON object that are shown, one a line. */
  readonly fields?: readonly string[];
  /** What to call an answer whose bytes nobody can read or nobody should. */
  readonly hidden?: string;
}

/** A question whose answer is shown as text, unless told. */
function question(
  path: string,
  special: Partial<Question> = {},
): Question {
  return { directory: "/latest/meta-data/", path, ...special };
}

/** Everything the demo asks, in the order of the table. */
export const QUESTIONS: readonly Question[] = [
  question("instance-id"),
  question("placement/region"),
  question("placement/availability-zone"),
  question("placement/availability-zone-id"),
  question("services/domain"),
  question("local-hostname"),
  question("tags/instance/Name"),
  question("iam/security-credentials/"),
  question(`iam/security-credentials/${INSTANCE.role}`, {
    hidden: "secret",
  }),
  question("spot/instance-action"),
  question("security-groups", {
    directory: `/latest/meta-data/network/interfaces/macs/${INSTANCE.macs[0]}/`,
  }),
  question("instance-identity/document", {
    directory: "/latest/dynamic/",
    fields: ["region", "availabilityZone"],
  }),
  question("user-data", {
    directory: "/latest/",
    hidden: "gzip",
  }),
  question("meta_data.json", {
    directory: "/openstack/latest/",
    fields: ["availability_zone", "name"],
  }),
];

/** Both ends are this process: longer means that it hangs. */
const TIMEOUT_MS = 5_000;

const TOKEN_TTL_SECONDS = 60;

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
}

/**
 * Asks every question both ways, each way with a token of its own.
 *
 * @param questions what to ask
 * @param urls where to ask
 * @throws {Error} when one of them gives no token or does not answer
 */
export async function compareAnswers(
  questions: readonly Question[],
  urls: Urls,
): Promise<Comparison[]> {
  const real = await openSession(urls.real);
  const through = await openSession(urls.through);
  const comparisons: Comparison[] = [];
  for (const question of questions) {
    const target = question.directory + question.path;
    const answers = {
      real: await real(target),
      through: await through(target),
    };
    const changed = !equals(answers.real.body, answers.through.body);
    comparisons.push({ question, ...answers, changed });
  }
  return comparisons;
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
