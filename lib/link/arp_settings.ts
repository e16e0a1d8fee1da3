/**
 * Reads and writes `arp_ignore`.
 *
 * @module
 */
import type { Runner } from "../system/runner.ts";
import { type ArpSettings, speaksArp } from "./arp_ignore.ts";
import { parseLinks } from "./ip_output.ts";
import { LinkError } from "./link_error.ts";
import { must } from "./must.ts";

/** How often they are read before a failure counts. */
const MOST_READS = 3;

function fileOf(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/arp_ignore`;
}

/**
 * Reads the settings of every interface that speaks ARP.
 *
 * @param run runs `ip` and `cat`
 * @param action what it is for, for the message
 * @throws {LinkError} when they cannot be read
 */
export async function readArpSettings(
  run: Runner,
  action: string,
): Promise<ArpSettings> {
  for (let tries = MOST_READS;; tries--) {
    try {
      return await readOnce(run, action);
    } catch (error) {
      // An interface may go away between the listing and the reading.
      const mayHelp = error instanceof LinkError && error.kind === "other";
      if (!mayHelp || tries === 1) throw error;
    }
  }
}

async function readOnce(run: Runner, action: string): Promise<ArpSettings> {
  const links = parseLinks(
    await must(run, action, ["ip", "-o", "link", "show"]),
  );
  const names = links.filter(speaksArp).map(({ name }) => name);
  // Through `cat`, because Deno opens /proc only with every permission.
  const text = await must(run, action, [
    "cat",
    ...["all", ...names].map(fileOf),
  ]);
  const [all, ...own] = text.trim().split("\n").map(Number);
  if (all === undefined || own.length !== names.length) {
    throw unreadable(action);
  }
  return { all, own: new Map(names.map((name, i) => [name, own[i] ?? 0])) };
}

/**
 * Reads `arp_ignore` for all interfaces.
 *
 * @param run runs `cat`
 * @param action what it is for, for the message
 * @throws {LinkError} when it cannot be read
 */
export async function readArpIgnore(
  run: Runner,
  action: string,
): Promise<number> {
  const text = (await must(run, action, ["cat", fileOf("all")])).trim();
  if (!/^\d+$/.test(text)) throw unreadable(action);
  return Number(text);
}

/**
 * Sets `arp_ignore` for all interfaces.
 *
 * @param run runs `tee`
 * @param action what it is for, for the message
 * @throws {LinkError} when it cannot be written
 */
export async function writeArpIgnore(
  run: Runner,
  action: string,
  value: 0 | 1,
): Promise<void> {
  await must(run, action, ["tee", fileOf("all")], `${value}\n`);
}

function unreadable(action: string): LinkError {
  return new LinkError("other", `Cannot ${action}: arp_ignore is unreadable`);
}
