/**
 * A cable between two namespaces.
 *
 * @module
 */
import { succeed } from "./plain_runner.ts";
import { createNamespace, type Namespace } from "./namespace.ts";

/** One end of a cable. */
export interface CableEnd {
  /** Where it ends. */
  readonly namespace: Namespace;
  /** The name of the interface there. */
  readonly device: string;
  /** Its addresses, as `ADDRESS/BITS`. */
  readonly addresses: readonly string[];
}

/**
 * Lays a cable and gives its ends their addresses. It goes with either
 * namespace.
 *
 * @throws {Error} when it cannot be laid
 */
export async function layCable(one: CableEnd, other: CableEnd): Promise<void> {
  // Made inside at once, so that nothing of it ever stands outside.
  await succeed([
    ...["ip", "-n", one.namespace.name, "link", "add", one.device] as const,
    ...["type", "veth", "peer", "name", other.device],
    ...["netns", other.namespace.name],
  ]);
  for (const { namespace, device, addresses } of [one, other]) {
    for (const address of addresses) {
      // Without the wait for others with this address, which nobody has.
      await namespace.must([
        ...["ip", "addr", "add", address, "dev", device, "nodad"],
      ]);
    }
    await namespace.must(["ip", "link", "set", device, "up"]);
  }
}

/**
 * Makes a node, 10.77.0.1, and a neighbour, 10.77.0.2, that takes
 * 169.254.169.254 to be on their cable.
 *
 * @param stack ends them
 */
export async function createNeighbours(
  stack: AsyncDisposableStack,
): Promise<{ readonly node: Namespace; readonly neighbour: Namespace }> {
  const node = stack.use(await createNamespace());
  const neighbour = stack.use(await createNamespace());
  await layCable(
    { namespace: node, device: "eth0", addresses: ["10.77.0.1/24"] },
    { namespace: neighbour, device: "eth0", addresses: ["10.77.0.2/24"] },
  );
  await neighbour.must([
    ...["ip", "route", "add", "169.254.169.254/32", "dev", "eth0"],
  ]);
  return { node, neighbour };
}
