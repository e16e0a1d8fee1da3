/**
 * A node in memory, for discovery.
 *
 * @module
 */
import type { NodeView } from "../../lib/cloudstack/node_view.ts";

/** The time on it. */
export const NOW = Date.UTC(2026, 10, 20, 12);

/** The fake, and what a test may do to it. */
export interface FakeNode {
  /** What discovery sees of it. */
  readonly view: NodeView;
  /** The files, by path. */
  readonly files: Map<string, { readonly text: string; modifiedMs: number }>;
  /** The files of /proc and /sys, by path. */
  readonly kernel: Map<string, string>;
  /** The addresses of host names. */
  readonly names: Map<string, string>;
  /** What was read, resolved or listed, in order. */
  readonly asked: string[];
  /** Writes a file, later than all others. */
  write(path: string, text: string): void;
}

/** Makes a node whose eth0 is its second interface. */
export function createFakeNode(): FakeNode {
  const files: FakeNode["files"] = new Map();
  const kernel = new Map([["/sys/class/net/eth0/ifindex", "2\n"]]);
  const names = new Map<string, string>();
  const asked: string[] = [];
  const note = <T>(what: string, answer: T): Promise<T> => {
    asked.push(what);
    return Promise.resolve(answer);
  };
  let writes = 0;
  return {
    files,
    kernel,
    names,
    asked,
    view: {
      list: (folder) =>
        Promise.resolve(
          [...files.keys()].filter((path) =>
            path.slice(0, path.lastIndexOf("/")) === folder
          ).map((path) => path.slice(folder.length + 1)),
        ),
      stat: (path) => {
        const file = files.get(path);
        return Promise.resolve(
          file && { modifiedMs: file.modifiedMs, size: file.text.length },
        );
      },
      read: (path) => {
        const text = files.get(path)?.text;
        return note(
          path,
          text === undefined ? text : new TextEncoder().encode(text),
        );
      },
      readKernel: (path) => note(path, kernel.get(path)),
      resolve: (name) => note(name, names.get(name)),
      now: () => NOW,
    },
    write(path, text) {
      files.set(path, { text, modifiedMs: NOW - 60_000 + ++writes });
    },
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
