/**
 * Clients inside a namespace that ask again and again and count what becomes of
 * every connection: as many threads as asked for, half of them with a new
 * connection for each request and half with a kept one.
 *
 * @module
 */
import type { Namespace, Spawned } from "./namespace.ts";
import { asUser, REGION } from "./node.ts";

const CLIENTS = `
import collections, http.client, json, signal, socket, sys, threading, time
host, path, count, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
tally = collections.Counter()
lock = threading.Lock()
def note(what):
    with lock:
        tally[what] += 1
        if tally[what] == 1:
            print(what, flush=True)
        if tally.total() % 100 == 0:
            print(tally.total(), flush=True)
def client(kept):
    connection = None
    while going:
        fresh = connection is None
        if fresh:
            connection = http.client.HTTPConnection(host, timeout=limit)
            try:
                connection.connect()
            except OSError as error:
                note("refused")
                connection = None
                time.sleep(0.01)
                continue
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            note(text if answer.status == 200 else str(answer.status))
            closing = answer.will_close
        except (OSError, http.client.HTTPException) as error:
            note(("lost on a new connection: " if fresh else "lost on a kept connection: ") + repr(error))
            closing = True
        # They share the processors with what they ask.
        time.sleep(0.01)
        if closing or not kept:
            connection.close()
            connection = None
threads = [threading.Thread(target=client, args=(n % 2 == 0,)) for n in range(count)]
# Before they print: a line of theirs is two writes.
print("going", flush=True)
for thread in threads:
    thread.start()
while going:
    time.sleep(0.02)
for thread in threads:
    thread.join()
print(json.dumps(tally), flush=True)
`;

/** How often each happened: an answer's text, its status, `refused`, `lost …`. */
export type Tally = Readonly<Record<string, number>>;

/** Clients that go on until they are counted. */
export interface Load {
  /** Waits until they have got so many hundred answers or refusals. */
  hundred(times: number): Promise<void>;
  /** Waits until one of them has seen that. */
  sees(what: string): Promise<unknown>;
  /** Ends them and counts. */
  count(): Promise<Tally>;
}

/**
 * Starts clients as uid 1000 that ask for the region.
 *
 * @param clients how many at one time
 * @param host whom they ask
 * @param limitS how long they wait for anything, in seconds
 */
export async function startLoad(
  namespace: Namespace,
  clients: number,
  host = "169.254.169.254",
  limitS = 30,
): Promise<Load> {
  const spawned: Spawned = namespace.spawn([
    ...asUser(1000),
    ...["/usr/bin/python3", "-c", CLIENTS, host, REGION],
    ...[clients, limitS].map(String),
  ]);
  await spawned.shows(/^going$/m);
  return {
    hundred: (times) => spawned.shows(new RegExp(`^${times}00$`, "m")),
    sees: (what) => spawned.shows(new RegExp(`^${what}$`, "m")),
    async count() {
      await spawned.kill("SIGTERM");
      return JSON.parse(spawned.stdout().trimEnd().split("\n").at(-1) ?? "");
    },
  };
}
