/**
 * What every client asks in a namespace: a service, and the proxy before it.
 *
 * @module
 */
import type { Namespace } from "../helpers/namespace.ts";
import { type RunningProgram, startProgram } from "../helpers/program.ts";
import type { Need } from "../helpers/requires.ts";
import { scriptPath } from "./clients.ts";

/** What the service needs beside a namespace. */
export const SERVICE_NEED = {
  command: "/usr/bin/python3",
  from: "python3",
} as const satisfies Need;

/** A service, and a proxy that forwards to it. */
export interface Stage extends AsyncDisposable {
  /** Asked directly. */
  readonly service: RunningProgram;
  /** Asked through the proxy. */
  readonly proxy: RunningProgram;
}

/**
 * Starts both. The service is no `Deno.serve`, which could hide a fault of its
 * own on both sides.
 *
 * @param namespace where they run
 * @param simulate further flags of what the service answers from
 * @param flags further flags of the service
 */
export async function startStage(
  { name: namespace }: Namespace,
  simulate: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const tree = started.use(
    await startProgram(["simulate", "--listen=127.0.0.1:0", ...simulate], {
      namespace,
    }),
  );
  const service = started.use(
    await startProgram([`--tree=${tree.url}`, ...flags], {
      namespace,
      command: [SERVICE_NEED.command, scriptPath("service.py")],
    }),
  );
  const proxy = started.use(
    await startProgram(
      ["serve", "--listen=127.0.0.1:0", `--upstream=${service.url}`],
      { namespace },
    ),
  );
  const all = started.move();
  return {
    service,
    proxy,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
