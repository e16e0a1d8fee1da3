/**
 * What `ip -o` prints, one object a line.
 *
 * @module
 */

/** An IPv4 address of an interface. */
export interface InterfaceAddress {
  /** The interface. */
  readonly device: string;
  /** `169.254.169.254/32`. */
  readonly address: string;
  /** The name under which it was given: the interface's own unless told. */
  readonly label: string;
  /** How far it reaches: `host`, `link`, `global`. */
  readonly scope: string;
}

/** An interface. */
export interface Link {
  /** Its name. */
  readonly name: string;
  /** `LOOPBACK`, `NOARP`, `UP` and others. */
  readonly flags: readonly string[];
}

/** Reads `ip -o -4 address show`. */
export function parseAddresses(text: string): readonly InterfaceAddress[] {
  return text.split("\n").flatMap((line) => {
    const [, device, address, rest = ""] =
      /^\d+:\s+(\S+)\s+inet (\S+)\s+(.*)$/.exec(line) ?? [];
    if (device === undefined || address === undefined) return [];
    // The label is the last word before the lifetimes; flags precede it.
    const words = (rest.split("\\")[0] ?? "").trim().split(/\s+/);
    return [{
      device,
      address,
      label: words.at(-1) ?? device,
      scope: words[words.indexOf("scope") + 1] ?? "",
    }];
  });
}

/** Reads `ip -o link show`. */
export function parseLinks(text: string): readonly Link[] {
  return text.split("\n").flatMap((line) => {
    // After an @ stands the other end or the parent of the interface.
    const [, name, flags] = /^\d+:\s+([^\s@]+)(?:@\S+)?:\s+<([^>]*)>/.exec(
      line,
    ) ?? [];
    return name === undefined || flags === undefined
      ? []
      : [{ name, flags: flags.split(",") }];
  });
}
