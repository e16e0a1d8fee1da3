/**
 * A server that sends whatever bytes a script has for a target.
 *
 * @module
 */
import { bytesOf, textOf } from "../helpers/raw.ts";

/** What is sent for a request. */
export interface Script {
  /** The bytes, in the pieces in which they are sent. */
  readonly pieces: readonly string[];
  /** Whether the connection is closed behind them. */
  readonly ends: boolean;
  /** Whether nothing may be asked on the connection any more. */
  readonly spoils: boolean;
}

/** A server that listens. */
export interface ScriptedServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Requests that came on a connection that was spoilt. */
  readonly reused: readonly string[];
}

/**
 * Listens on loopback.
 *
 * @param scriptFor what is sent for a target
 */
export function startScripted(
  scriptFor: (target: string) => Script,
): ScriptedServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serving = new Set<Promise<void>>();
  const reused: string[] = [];

  const serve = async (conn: Deno.Conn): Promise<void> => {
    const buffer = new Uint8Array(16 * 1024);
    let unread = "";
    let spoilt = false;
    try {
      for (;;) {
        const size = await conn.read(buffer);
        if (size === null) return;
        unread += textOf(buffer.subarray(0, size));
        const end = unread.indexOf("\r\n\r\n");
        if (end < 0) continue;
        const [, target = ""] = unread.split(" ", 2);
        unread = unread.slice(end + 4);
        if (spoilt) reused.push(target);
        const script = scriptFor(target);
        spoilt = script.spoils;
        for (const piece of script.pieces) await send(conn, piece);
        if (script.ends) return;
      }
    } catch {
      // The client has gone.
    } finally {
      if (open.delete(conn)) conn.close();
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      const served = serve(conn);
      serving.add(served);
      served.then(() => serving.delete(served));
    }
  })();
  return {
    address: { hostname: "127.0.0.1", port: listener.addr.port },
    reused,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      // Some clients leave theirs open.
      for (const conn of open) {
        open.delete(conn);
        conn.close();
      }
      await Promise.all(serving);
    },
  };
}

async function send(conn: Deno.Conn, text: string): Promise<void> {
  let rest: Uint8Array = bytesOf(text);
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}
