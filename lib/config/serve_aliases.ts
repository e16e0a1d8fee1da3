/**
 * The original's flags, said in this program's own.
 *
 * @module
 */
import {
  formatAddress,
  parseHost,
  parsePort,
  parseRemotePort,
} from "./address.ts";
import type { Given, Givens } from "./given.ts";
import { parseEmulatedRegion, parseRealRegion } from "./regions.ts";
import {
  EMULATED_REGION,
  METADATA_HOST,
  REAL_REGION,
} from "./serve_options.ts";
import { UsageError } from "../cli/message.ts";

/**
 * Replaces aliases by what they stand for.
 *
 * @param flags every flag given, by name
 * @returns flags without aliases
 * @throws {UsageError} for a bad value, and for an alias beside the flag it
 * stands for
 */
export function expandAliases(flags: Givens): Givens {
  const { port, serverName, serverPort, realRegion, emulatedRegion, ...rest } =
    Object.fromEntries(flags);
  const expanded = new Map(Object.entries(rest));
  const stand = (
    name: string,
    aliases: readonly (readonly Given[] | undefined)[],
    text: () => string,
  ) => {
    const sources = aliases.flatMap((givens) => givens ?? [])
      .map((given) => given.source);
    if (sources.length === 0) return;
    const source = sources.join(" and ");
    if (expanded.has(name)) {
      throw new UsageError(
        `Cannot use ${source} beside --${name}: expected one or the other`,
      );
    }
    expanded.set(name, [{ text: text(), source }]);
  };
  stand("listen", [port], () =>
    formatAddress({
      hostname: "127.0.0.1",
      port: first(port, parsePort) ?? 0,
    }));
  stand("upstream", [serverName, serverPort], () =>
    `http://${
      formatAddress({
        hostname: first(serverName, parseHost) ?? METADATA_HOST,
        port: first(serverPort, parseRemotePort) ?? 80,
      })
    }`);
  stand(
    "region",
    [realRegion, emulatedRegion],
    () =>
      `${first(realRegion, parseRealRegion) ?? REAL_REGION}=${
        first(emulatedRegion, parseEmulatedRegion) ?? EMULATED_REGION
      }`,
  );
  return expanded;
}

function first<T>(
  givens: readonly Given[] | undefined,
  parse: (given: Given) => T,
): T | undefined {
  const given = givens?.[0];
  return given === undefined ? undefined : parse(given);
}
