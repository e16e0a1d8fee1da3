/**
 * What every client asks: a service in a namespace of its own, a machine that
 * has nothing of the program but a proxy for those who are told, and a node.
 *
 * @module
 */
import { layCable } from "../helpers/cable.ts";
import { createNamespace, type Namespace } from "../helpers/namespace.ts";
import { NODE_NEEDS, prime } from "../helpers/node.ts";
import { type RunningProgram, startProgram } from "../helpers/program.ts";
import type { Need } from "../helpers/requires.ts";
import { python } from "./clients.ts";

/** What a stage needs. */
export const STAGE_NEEDS: readonly Need[] = [
  ...NODE_NEEDS,
  { command: "/usr/bin/python3", from: "python3" },
];

/** Where the service is. */
export const SERVICE = "http://169.254.169.254";

/** The service of {@linkcode startService}, and who asks it. */
export interface Stage {
  /** Where clients ask the service, or the proxy that they are told of. */
  readonly machine: Namespace;
  /** The URL of that proxy. */
  readonly proxy: string;
  /** Where the rule redirects them. */
  readonly node: Namespace;
}

/**
 * Makes the stage.
 *
 * @param stack takes it away again
 * @param simulate flags of what the service answers from
 * @param flags flags of the service: how it treats its clients
 */
export async function createStage(
  stack: AsyncDisposableStack,
  simulate: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<Stage> {
  const service = stack.use(await createNamespace(["169.254.169.254/32"]));
  const machine = await connect(stack, service, 1);
  const node = await connect(stack, service, 2);
  await prime(node, "nft");
  const start = async (
    { name: namespace }: Namespace,
    args: readonly string[],
    more: { readonly command?: readonly [string, ...string[]] } = {},
  ): Promise<RunningProgram> =>
    stack.use(await startProgram(args, { namespace, cwd: "/", ...more }));
  const tree = await start(service, [
    "simulate",
    "--listen=127.0.0.1:0",
    ...simulate,
  ]);
  // No `Deno.serve`, which could hide a fault of its own on both sides.
  await start(service, [
    `--tree=${tree.url}`,
    "--listen=169.254.169.254:80",
    ...flags,
  ], { command: python("service.py") });
  const proxy = await start(machine, ["serve", "--listen=127.0.0.1:0"]);
  await start(node, ["serve", "--iptables"]);
  return { machine, proxy: proxy.url, node };
}

/** Makes a namespace from which the service is reached. */
async function connect(
  stack: AsyncDisposableStack,
  service: Namespace,
  number: number,
): Promise<Namespace> {
  const namespace = stack.use(await createNamespace());
  const address = `10.77.${number}`;
  await layCable(
    { namespace, device: "eth0", addresses: [`${address}.1/24`] },
    {
      namespace: service,
      device: `eth${number}`,
      addresses: [`${address}.2/24`],
    },
  );
  await namespace.must([
    ...["ip", "route", "add", "169.254.169.254/32", "dev", "eth0"],
  ]);
  return namespace;
}
