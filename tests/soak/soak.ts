/**
 * One soak: a node under load, faults, and what must hold afterwards.
 *
 * @module
 */
import type { Installed } from "../helpers/installed.ts";
import { createNode, type NodeBackend } from "../helpers/node.ts";
import { createRandom } from "../helpers/random.ts";
import { aftermaths, beyondChance } from "./aftermath.ts";
import { descriptorsOf, notBack, notLeft } from "./afterwards.ts";
import { attribute, type Attribution } from "./attribution.ts";
import { type Chaos, type Event, wreak } from "./chaos.ts";
import { type Asked, startLoad } from "./load.ts";
import {
  grown,
  strayErrors,
  unanswered,
  unexplained,
  unjudged,
  unnoticed,
} from "./judgement.ts";
import { type Course, courseOf } from "./memory.ts";
import { readyClients, RealClients } from "./real_clients.ts";
import { type Scene, served } from "./scene.ts";
import { Watch } from "./vitals.ts";

/** How it is done. */
export interface SoakOptions {
  /** The backend of the rule. */
  readonly backend: NodeBackend;
  /** For how long faults are injected. */
  readonly seconds: number;
  /** What all chance is drawn from. */
  readonly seed: number;
  /** Told of each event. */
  readonly tell: (line: string) => void;
  /** Ends it early, with everything undone. */
  readonly signal?: AbortSignal;
}

/** How it went. */
export interface Soak {
  /** How it was done. */
  readonly options: SoakOptions;
  /** What was injected. */
  readonly events: readonly Event[];
  /** How many requests and runs went well, by client. */
  readonly well: Readonly<Record<string, number>>;
  /** What clients met, by cause. */
  readonly attribution: Attribution;
  /** The memory of the parent. */
  readonly parent: Course;
  /** The memory of the child that was there last. */
  readonly child: Course;
  /** What does not hold, one line each; none if all is well. */
  readonly problems: readonly string[];
}

/**
 * Soaks the program on a node of its own.
 *
 * @param installed the program
 */
export async function soak(
  installed: Installed,
  options: SoakOptions,
): Promise<Soak> {
  const { backend, seconds, seed, tell, signal } = options;
  const clients = await readyClients();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await using node = await createNode(installed, backend);
    const before = await node.rules();
    const load = await startLoad(node.namespace, seed);
    await using program = await node.start(
      `serve --iptables --config ${file}`,
    );
    const start = await descriptorsOf(program);
    const { service } = node;
    const random = createRandom(seed);
    const scene: Scene = { node, backend, program, file, service, random };
    await served(scene);
    const watch = new Watch(program);
    load.begin();
    const real = new RealClients(node.namespace, clients);
    let chaos: Chaos;
    let asked: readonly Asked[];
    try {
      chaos = await wreak(scene, seconds, tell, signal);
    } finally {
      asked = await Promise.all([load.count(), real.count()]);
      await watch.close();
    }
    await scene.service.stop();
    const problems = [
      ...chaos.failure === undefined ? [] : [chaos.failure],
      ...await notBack(program, start),
      ...await notLeft(node, program, before),
    ];
    const [parent, child] = [watch.parent, watch.children].map(courseOf) as [
      Course,
      Course,
    ];
    const failures = asked.flatMap((it) => it.failures);
    const { events } = chaos;
    const attribution = attribute(
      [...events, ...aftermaths(events)],
      failures,
    );
    const well = Object.assign({}, ...asked.map((it) => it.well));
    return {
      options,
      events,
      well,
      attribution,
      parent,
      child,
      problems: [
        ...problems,
        ...unexplained(attribution),
        ...beyondChance(attribution),
        ...unnoticed(events, attribution),
        ...unanswered(well),
        ...unjudged(seconds, { parent, child }),
        ...grown({ parent, child }),
        ...strayErrors(program.stderr()),
      ],
    };
  } finally {
    await Deno.remove(file);
  }
}
