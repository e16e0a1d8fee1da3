/**
 * Watches where this thread connects to, while fuzzers run.
 *
 * @module
 */

/** The watch. */
export interface Guarded extends AsyncDisposable {
  /** `HOST:PORT` of a listener that nobody may connect to. */
  readonly elsewhere: string;
  /** Connects without being watched. */
  readonly connect: typeof Deno.connect;
  /** Lets the program connect to a port of 127.0.0.1. */
  allow(port: number): void;
  /** Where the program connected that it may not, since last asked. */
  takeStrays(): readonly string[];
}

/** Begins to watch; ends when it is disposed of. */
export function guardConnections(): Guarded {
  const connect = Deno.connect;
  const fetched = globalThis.fetch;
  const ports = new Set<number>();
  let strays: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepting = (async () => {
    for await (const conn of listener) {
      strays.push(`a connection to ${port}`);
      conn.close();
    }
  })();
  const watched = (options: Deno.ConnectOptions) => {
    const { hostname = "127.0.0.1", port } = options;
    if (hostname !== "127.0.0.1" || !ports.has(port)) {
      strays.push(`${hostname}:${port}`);
    }
    return connect(options);
  };
  Deno.connect = watched as typeof Deno.connect;
  globalThis.fetch = (input) => {
    strays.push(`fetch ${input instanceof Request ? input.url : input}`);
    return Promise.reject(new TypeError("Nothing may be fetched here"));
  };
  return {
    elsewhere: `127.0.0.1:${port}`,
    connect,
    allow: (port) => ports.add(port),
    takeStrays() {
      const taken = strays;
      strays = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      Deno.connect = connect;
      globalThis.fetch = fetched;
      listener.close();
      await accepting;
    },
  };
}
