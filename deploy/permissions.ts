/**
 * What the executable may do, each with its reason. Deno fixes these at compile
 * time; docs/permissions.md shows them, and a test holds it equal.
 *
 * @module
 */

/** One of Deno's permissions. */
export interface Permission {
  /** Its name in Deno. */
  readonly name: string;
  /** What it is limited to; everything unless given. */
  readonly only?: readonly string[];
  /** What it is for. */
  readonly reason: string;
}

const IPTABLES: readonly string[] = ["iptables", "ip6tables"].flatMap((name) =>
  ["", "-nft", "-legacy"].flatMap((backend) =>
    ["", "-save", "-restore"].map((tool) => name + backend + tool)
  )
);

/** The permissions of the executable, whatever it is started as. */
export const PERMISSIONS: readonly Permission[] = [
  {
    name: "net",
    reason:
      "Listeners and the upstream are the user's to name; one upstream only is the proxy's own promise",
  },
  {
    name: "env",
    reason:
      "Reads its settings, and takes out every variable that bends connections",
  },
  {
    name: "read",
    reason:
      "Files the user names: configuration, profiles, data, the installation folder; leases of DHCP clients",
  },
  {
    name: "write",
    reason: "Files for the installation folder that the user names",
  },
  {
    name: "sys",
    only: ["networkInterfaces", "uid"],
    reason: "The node's own addresses, the user it runs as",
  },
  {
    name: "run",
    only: [
      "/proc/self/exe",
      ...IPTABLES,
      "nft",
      "cat",
      "id",
      "ip",
      "kill",
      "ps",
      "readlink",
      "ss",
      "systemctl",
      "tee",
      "test",
    ],
    reason:
      "Itself as the proxy's user; what reads and changes rules, users, capabilities, connections, processes, services, addresses and their settings; what ends such a command when it hangs",
  },
];

/** The flags of `deno compile` for {@linkcode PERMISSIONS}. */
export function permissionFlags(): string[] {
  return PERMISSIONS.map(({ name, only }) =>
    `--allow-${name}${only === undefined ? "" : `=${only.join(",")}`}`
  );
}
