/**
 * What only the parent can see: whether the rule is in place, who the clients
 * are, and where an upstream is that moves. The child counts its questions; the
 * parent's next line says which of them it answers.
 *
 * @module
 */
import { messageOf } from "../cli/message.ts";
import type { RuleView } from "../admin/readiness.ts";
import type { UpstreamAddress } from "../config/serve_config.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import {
  type Owners,
  serversOf,
  type SocketOwners,
} from "../system/socket_owners.ts";
import { deadline, delay } from "../system/timers.ts";
import type { Child } from "./child_process.ts";
import type { Answer, DesiredChild, QuestionName } from "./state.ts";

/**
 * The longest wait for the parent, in milliseconds: its search for an upstream
 * takes a second where the resolver is slow.
 */
const ANSWER_MS = 1_500;

/** A question of the child's, which it may ask again and again. */
export class Question<To extends Answer> {
  /** How often it was asked. */
  count = 0;
  readonly #say: () => void;
  #open: PromiseWithResolvers<To> | undefined;

  /**
   * Asks nothing yet.
   *
   * @param say tells the parent how often everything was asked
   * @param isOpen whether there is an answer to come without a question
   */
  constructor(say: () => void, isOpen = false) {
    this.#say = say;
    if (isOpen) this.#open = Promise.withResolvers();
  }

  /** Whether an answer is still to come. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Asks: an answer to an earlier question does not count any more. */
  ask(): void {
    this.#open ??= Promise.withResolvers();
    this.count++;
    this.#say();
  }

  /** The answer that is to come; `undefined` for none, or none in time. */
  async answer(ms = ANSWER_MS): Promise<To | undefined> {
    return this.#open && await deadline(this.#open.promise, ms);
  }

  /** Asks, and waits for the answer. */
  find(): Promise<To | undefined> {
    this.ask();
    return this.answer();
  }

  /** Takes what the parent says. */
  take(answer: To | undefined): void {
    if (answer === undefined || answer.to < this.count) return;
    this.#open?.resolve(answer);
    this.#open = undefined;
  }
}

/** An upstream that moves, as the parent says. */
export class ParentUpstream implements UpstreamSource {
  /** Where else it is, as an address cannot be reached. */
  readonly question: Question<NonNullable<DesiredChild["upstream"]>>;
  #told: DesiredChild["upstream"];

  /**
   * Knows nothing yet.
   *
   * @param say tells the parent that there is a question
   */
  constructor(say: () => void) {
    this.question = new Question(say, true);
  }

  /** Takes what the parent says. */
  take(upstream: DesiredChild["upstream"]): void {
    this.#told = upstream ?? this.#told;
    this.question.take(upstream);
  }

  /**
   * What the parent said last; waits for it while a question is open.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @throws {Error} where no upstream is known; the message is one line
   */
  async current(timeoutMs: number): Promise<UpstreamAddress> {
    await this.question.answer(Math.min(timeoutMs, ANSWER_MS));
    const told = this.#told ?? { reason: "It has not been found yet" };
    if ("reason" in told) throw new Error(told.reason);
    return told.address;
  }

  /** Asks the parent, with one question open at a time. */
  failed({ hostname }: UpstreamAddress): void {
    const told = this.#told;
    const isIt = told !== undefined && "address" in told &&
      told.address.hostname === hostname;
    if (isIt && !this.question.isOpen) this.question.ask();
  }

  /** Nothing: every wait is short. */
  close(): void {}
}

/** Between two looks for the upstream, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** How long one look for the upstream may take, in milliseconds. */
const LOOK_MS = 5_000;

/**
 * The least time between two looks at who asks, in milliseconds, whatever the
 * child says.
 */
const OWNERS_MS = 200;

/** The most clients that a child is told of, four for each place it has. */
const MOST_OWNERS = 4_096;

/** Who knows what a child needs. */
export interface Answerers {
  /** Where its upstream is, if that moves. */
  readonly source?: UpstreamSource | undefined;
  /** The rule, where there is one to keep. */
  readonly rule?: RuleView | undefined;
  /** Tells who asks, where many do. */
  readonly owners?: SocketOwners;
}

/** Answers a child until it has ended. */
export async function answerChild(
  child: Child,
  { source, rule, owners }: Answerers,
): Promise<void> {
  await Promise.all([
    rule && answerRule(child, rule),
    owners && answerOwners(child, owners),
    source && followUpstream(child, source),
  ]);
}

async function answerRule(child: Child, rule: RuleView): Promise<void> {
  for await (const to of questions(child, "rule")) {
    const fault = await rule.fault();
    child.tell({ tally: rule.tally, rule: { to, fault } });
  }
}

async function answerOwners(child: Child, owners: SocketOwners): Promise<void> {
  for await (const to of questions(child, "owners")) {
    const listeners = await child.listening.catch(() => []);
    // What fails now, as where no process can be started, may work the next time.
    const uids = await owners(serversOf(listeners)).catch(() => undefined);
    child.tell({ owners: { to, uids: uids && foremost(uids) } });
    await delay(OWNERS_MS);
    // The lines that follow need not carry it.
    child.tell({ owners: { to } });
  }
}

/**
 * The clients that a child is told of: root's first, then those of users with
 * few connections, so that nobody hides others behind many of their own.
 */
function foremost(uids: Owners): Owners {
  const ofUsers = [...Map.groupBy(uids, ([, uid]) => uid)].sort(
    ([one, ends], [other, others]) =>
      Number(other === 0) - Number(one === 0) || ends.length - others.length,
  );
  return new Map(ofUsers.flatMap(([, ends]) => ends).slice(0, MOST_OWNERS));
}

/** How often a child has asked, each time it has, until it has ended. */
async function* questions(
  child: Child,
  name: QuestionName,
): AsyncGenerator<number> {
  let seen = 0;
  do {
    const { [name]: count } = child.state.asked;
    if (count > seen) yield seen = count;
  } while (child.state.asked[name] > seen || await child.changed());
}

/** Tells where the upstream is: what is new, and what the child asks. */
async function followUpstream(
  child: Child,
  source: UpstreamSource,
): Promise<void> {
  let answered = 0;
  let told = "";
  let address: UpstreamAddress | undefined;
  do {
    const { upstream: to } = child.state.asked;
    if (to > answered && address !== undefined) source.failed(address);
    answered = to;
    const upstream = { to, ...await look(source) };
    address = "address" in upstream ? upstream.address : undefined;
    const text = JSON.stringify(upstream);
    if (text !== told) child.tell({ upstream });
    told = text;
  } while (
    child.state.asked.upstream > answered ||
    await deadline(child.changed(), LOOK_EVERY_MS) !== false
  );
}

async function look(
  source: UpstreamSource,
): Promise<
  { readonly address: UpstreamAddress } | { readonly reason: string }
> {
  try {
    return { address: await source.current(LOOK_MS) };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
