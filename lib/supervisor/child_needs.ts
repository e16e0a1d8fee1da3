/**
 * What a child needs that only its parent can see: where an upstream is that
 * moves, whether the rule is in place, and who asks. The answers go down with the rest
 * of what the child shall be.
 *
 * @module
 */
import { delay } from "../system/timers.ts";
import type { RuleView } from "../admin/rule_view.ts";
import { serversOf } from "../proxy/proxy.ts";
import type { UpstreamSource } from "../proxy/upstream/upstream.ts";
import type { Owners, SocketOwners } from "../system/socket_owners.ts";
import type { Child } from "./child_process.ts";
import type { UpstreamNews } from "./state.ts";

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
  /** Between two looks for the upstream, in milliseconds. */
  readonly everyMs?: number;
}

/** Answers a child until it has ended. */
export async function answerChild(
  child: Child,
  { source, rule, owners, everyMs = LOOK_EVERY_MS }: Answerers,
): Promise<void> {
  const over = new AbortController();
  child.ended.then(() => over.abort());
  await Promise.all([
    rule && answerLooks(child, rule, over.signal),
    source && followUpstream(child, source, everyMs, over.signal),
    owners && answerCrowds(child, owners, over.signal),
  ]);
}

/** One look for all the questions so far, however many there are. */
async function answerLooks(
  child: Child,
  rule: RuleView,
  over: AbortSignal,
): Promise<void> {
  let answers = 0;
  while (!over.aborted) {
    const { looks } = child.state;
    if (looks > answers) {
      answers = looks;
      const fault = await rule.fault();
      child.tell({
        tally: rule.tally,
        look: { answers, ...fault === undefined ? {} : { fault } },
      });
    }
    if (child.state.looks === answers) {
      await Promise.race([child.changed(), child.ended]);
    }
  }
}

/** One look for all the questions so far; the next line forgets what it saw. */
async function answerCrowds(
  child: Child,
  owners: SocketOwners,
  over: AbortSignal,
): Promise<void> {
  let answers = 0;
  while (!over.aborted) {
    const { crowds = 0 } = child.state;
    if (crowds === answers) {
      await Promise.race([child.changed(), child.ended]);
      continue;
    }
    answers = crowds;
    const listeners = await child.listening.catch(() => []);
    // What fails now, as where no process can be started, may work the next time.
    const uids = await owners(serversOf(listeners)).catch(() => undefined);
    child.tell({
      owners: {
        answers,
        ...uids && { uids: Object.fromEntries(foremost(uids)) },
      },
    });
    await delay(OWNERS_MS, over);
    child.tell({ owners: { answers } });
  }
}

/**
 * The clients that a child is told of: root's first, then those of users with
 * few connections, so that nobody hides others behind many of their own.
 */
function foremost(uids: Owners): readonly (readonly [string, number])[] {
  return [...Map.groupBy(uids, ([, uid]) => uid)].sort(
    ([one, ends], [other, others]) =>
      Number(other === 0) - Number(one === 0) || ends.length - others.length,
  ).flatMap(([, ends]) => ends).slice(0, MOST_OWNERS);
}

/** Tells where the upstream is: what is new, and what the child asks. */
async function followUpstream(
  child: Child,
  source: UpstreamSource,
  everyMs: number,
  over: AbortSignal,
): Promise<void> {
  let answers = 0;
  let told = "";
  while (!over.aborted) {
    const { unreachable } = child.state;
    const isAsked = unreachable !== undefined && unreachable.times > answers;
    if (isAsked) {
      answers = unreachable.times;
      const { hostname, port } = unreachable;
      source.failed({ hostname, port });
    }
    const news = await look(source);
    const text = JSON.stringify(news);
    if (isAsked || text !== told) {
      child.tell({ upstream: { ...news, answers } });
    }
    told = text;
    if ((child.state.unreachable?.times ?? 0) > answers) continue;
    const asked = new AbortController();
    const question = async () => {
      while (
        !over.aborted && (child.state.unreachable?.times ?? 0) <= answers
      ) {
        await Promise.race([child.changed(), child.ended]);
      }
    };
    await Promise.race([delay(everyMs, asked.signal), question()]);
    asked.abort();
  }
}

async function look(source: UpstreamSource): Promise<UpstreamNews> {
  try {
    return { address: await source.current(LOOK_MS) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
