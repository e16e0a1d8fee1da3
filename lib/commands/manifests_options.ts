/**
 * What `c2s-imds manifests` is asked to do.
 *
 * @module
 */
import type { ReadTextFile } from "../config/yaml.ts";
import type { SourcedValue } from "../config/sourced_value.ts";
import { type Option, parseAction, parseOptions } from "../cli/options.ts";
import { UsageError } from "../cli/message.ts";
import { type Image, parseImage } from "../manifests/image.ts";
import { DEFAULT_POOLS, parsePool } from "../manifests/machine_config.ts";
import {
  OTHER_WAYS,
  PASSED_ON,
  type Place,
  readSettings,
  type Settings,
} from "./manifests_settings.ts";

/** What can be made. */
export const KINDS = ["machineconfig", "daemonset", "systemd"] as const;

/** One of {@linkcode KINDS}. */
export type Kind = typeof KINDS[number];

/** The options that are no options of `serve`, and what they are for. */
export const OWN_OPTIONS:
  readonly (Option & { readonly of: readonly Kind[] })[] = [
    {
      name: "image",
      value: "IMAGE",
      help: "The image, best by digest; required but for systemd",
      of: ["machineconfig", "daemonset"],
    },
    {
      name: "role",
      value: "POOL",
      repeatable: true,
      help: "A pool that gets a machineconfig",
      fallback: DEFAULT_POOLS.join(" and "),
      of: ["machineconfig"],
    },
    {
      name: "install-dir",
      value: "DIR",
      help: "Writes machineconfigs there instead of printing",
      of: ["machineconfig"],
    },
  ];

/** What was asked for. */
export type ManifestsRequest =
  | {
    /** A machine config for each pool. */
    readonly kind: "machineconfig";
    /** The image. */
    readonly image: Image;
    /** The pools, at least one. */
    readonly pools: readonly string[];
    /** Where to write them; printed if `undefined`. */
    readonly installDir: string | undefined;
    /** What the proxy is told. */
    readonly settings: Settings;
  }
  | {
    /** A DaemonSet. */
    readonly kind: "daemonset";
    /** The image. */
    readonly image: Image;
    /** What the proxy is told. */
    readonly settings: Settings;
  }
  | {
    /** A unit for a plain host. */
    readonly kind: "systemd";
    /** What the proxy is told. */
    readonly settings: Settings;
  };

/**
 * A machine config keeps the rule over restarts, whatever is asked. Who takes a
 * DaemonSet or a plain unit away does not expect nodes without metadata, so
 * there keeping it is a choice.
 */
const PLACES: Readonly<Record<Kind, Place>> = {
  machineconfig: { container: true, onStop: "keep", fixed: true },
  daemonset: { container: true, onStop: "remove", fixed: false },
  systemd: { container: false, onStop: "remove", fixed: false },
};

/**
 * Reads the arguments after `manifests`.
 *
 * @param readTextFile reads the file of `--config`
 * @throws {UsageError} that names the option, the value and what was expected
 */
export function parseRequest(
  args: readonly string[],
  readTextFile: ReadTextFile,
): ManifestsRequest {
  const serveOptions = [...PASSED_ON, ...OTHER_WAYS];
  const { given, words } = parseOptions(args, [
    ...OWN_OPTIONS,
    ...serveOptions,
  ]);
  const kind = parseAction(words, KINDS, "manifest");
  for (const { name, of } of OWN_OPTIONS) {
    if (given.has(name) && !of.includes(kind)) {
      throw new UsageError(
        `Cannot use --${name} with ${kind}: it is for ${of.join(" and ")}`,
      );
    }
  }
  const all = (name: string): readonly SourcedValue[] =>
    (given.get(name) ?? []).map((text) => ({ text, source: `--${name}` }));
  const settings = () =>
    readSettings(
      serveOptions.flatMap(({ name }) =>
        (given.get(name) ?? []).map((text) => `--${name}=${text}`)
      ),
      readTextFile,
      PLACES[kind],
    );
  if (kind === "systemd") return { kind, settings: settings() };
  const [named] = all("image");
  if (named === undefined) {
    throw new UsageError(`No --image: ${kind} needs the image to run`);
  }
  const image = parseImage(named);
  if (kind === "daemonset") return { kind, image, settings: settings() };
  return {
    kind,
    image,
    pools: parsePools(all("role")),
    installDir: all("install-dir")[0]?.text,
    settings: settings(),
  };
}

/** A pool named twice gets its machine config once. */
function parsePools(givens: readonly SourcedValue[]): readonly string[] {
  return givens.length === 0
    ? DEFAULT_POOLS
    : [...new Set(givens.map(parsePool))];
}
