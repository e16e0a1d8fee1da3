/**
 * A node for discovery: the files of DHCP clients in a folder, the rest in
 * memory.
 *
 * @module
 */
import type { NodeView } from "../../lib/cloudstack/discover_router.ts";

/** The time on it. */
export const NOW = Date.UTC(2026, 10, 20, 12);

/** The fake, and what a test may do to it. */
export interface FakeNode extends Disposable {
  /** What discovery sees of it. */
  readonly view: NodeView;
  /** The files of /proc and /sys, by path. */
  readonly kernel: Map<string, string>;
  /** The addresses of host names. */
  readonly names: Map<string, string>;
  /** What was read of the kernel's, or resolved, in order. */
  readonly asked: string[];
  /** Writes a file, later than all others. */
  write(path: string, text: string): void;
  /** Takes a file away. */
  remove(path: string): void;
}

/** Makes a node whose eth0 is its second interface. */
export function createFakeNode(): FakeNode {
  const root = Deno.makeTempDirSync();
  const kernel = new Map([["/sys/class/net/eth0/ifindex", "2\n"]]);
  const names = new Map<string, string>();
  const asked: string[] = [];
  const look = (known: Map<string, string>) => (name: string) => {
    asked.push(name);
    return Promise.resolve(known.get(name));
  };
  let writes = 0;
  return {
    kernel,
    names,
    asked,
    view: {
      root,
      readKernel: async (path) => await look(kernel)(path) ?? "",
      resolve: look(names),
      now: () => NOW,
    },
    write(path, text) {
      const file = root + path;
      Deno.mkdirSync(file.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(file, text);
      const time = new Date(NOW - 60_000 + 1_000 * ++writes);
      Deno.utimeSync(file, time, time);
    },
    remove: (path) => Deno.removeSync(root + path),
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

/** A lease of eth0 in dhclient's form, which expires in an hour. */
export function dhclientLease(server: string, expire = "13:00:00"): string {
  return `lease {
  interface "eth0";
  option dhcp-server-identifier ${server};
  expire 5 2026/11/20 ${expire};
}
`;
}

/** A route table with one default gateway, 10.1.1.9, on eth0. */
export const GATEWAY_9 = `Iface\tDestination\tGateway \tFlags
eth0\t00000000\t0901010A\t0003\t0\t0\t100\t00000000\t0\t0\t0
`;
