/**
 * The options of `serve` as they go into a manifest: checked as `serve` checks
 * them, then written as its arguments again.
 *
 * @module
 */
import { expandAliases, fromFile } from "../config/sources.ts";
import type { ReadTextFile } from "../config/yaml.ts";
import type { Option } from "../cli/options.ts";
import { fromFlags } from "../config/sourced_value.ts";
import {
  HIGHEST_UID,
  refuse,
  type SourcedValue,
  type SourcedValues,
} from "../config/sourced_value.ts";
import { PROFILE_NAMES } from "../config/profiles.ts";
import { quote, UsageError } from "../cli/message.ts";
import { readServeConfig } from "../config/read_serve_config.ts";
import { NO_REGION } from "../config/regions.ts";
import type { WholeConfig } from "../config/serve_config.ts";
import {
  CONFIG_OPTION,
  EMULATED_REGION,
  REAL_REGION,
  SERVE_ALIASES,
  SERVE_SETTINGS,
} from "../config/serve_options.ts";
import type { LeavingRule } from "../manifests/stop_post.ts";
import { isClosed, UNPRIVILEGED_FROM } from "../supervisor/preflight.ts";
import { rulePorts } from "../rule/rule.ts";

/** The rule is what a manifest is for; with it nobody needs the address. */
const DECIDED: readonly string[] = ["iptables", "address", "arp-ignore"];

/** What `serve` is told. */
export const PASSED_ON: readonly Option[] = SERVE_SETTINGS
  .filter(({ name }) => !DECIDED.includes(name));

/** Flags that say the same in other ways. */
export const OTHER_WAYS: readonly Option[] = [CONFIG_OPTION, ...SERVE_ALIASES];

/** Where a manifest's proxy runs. */
export interface Place {
  /** Whether in a container, whose users are not the host's. */
  readonly container: boolean;
  /** What becomes of the rule on a clean stop, unless told. */
  readonly onStop: "keep" | "remove";
  /** Whether it may be told otherwise. */
  readonly fixed: boolean;
}

/** What goes into the manifest. */
export interface Settings {
  /** The arguments of `serve`, the subcommand included. */
  readonly serve: readonly string[];
  /** The flags of `check` that go with them; it reads the port in the rule. */
  readonly check: readonly string[];
  /** What becomes of the rule. */
  readonly leaving: LeavingRule;
}

/**
 * What neither a unit nor a shell reads as anything but itself. What `serve`
 * takes is of these, but for files and users with odd names.
 */
const PLAIN = /^[\w@+=:,./[\]-]+$/;

/** Said in so many words, so that a manifest tells what it does. */
const REGION = [
  "region",
  [preset("region", `${REAL_REGION}=${EMULATED_REGION}`)],
] as const;

/**
 * Reads the settings. The environment has no part in it: it is that of another
 * machine.
 *
 * @param args flags of `serve`
 * @param readTextFile reads the file of `--config`
 * @param place where the proxy runs
 * @throws {UsageError} for what `serve` would refuse there
 */
export function readSettings(
  args: readonly string[],
  readTextFile: ReadTextFile,
  place: Place,
): Settings {
  const readOnce = remembered(readTextFile);
  const config = readServeConfig(args, {}, readOnce);
  const givens = gather(args, readOnce);
  const one = (name: string) => givens.get(name)?.[0];
  const user = one("user");
  if (user !== undefined && place.container && !("uid" in config.user)) {
    refuse(user, `a uid from 1 to ${HIGHEST_UID}`);
  }
  const onStop = one("on-stop");
  if (place.fixed && onStop !== undefined && onStop.text !== place.onStop) {
    refuse(
      onStop,
      `${place.onStop}, else each restart opens the way to the real region`,
    );
  }
  if (place.container) requireEmulated(config, one("region"));
  requirePort(config, one("listen"));
  requireOpenPorts(config, givens);
  const profile = one("profile");
  if (profile !== undefined) requireBuiltIn(profile);
  const all: SourcedValues = new Map([
    ...profile === undefined ? [REGION] : [],
    ["on-stop", [preset("on-stop", place.onStop)]],
    ...givens,
  ]);
  return {
    serve: [
      "serve",
      "--iptables",
      ...PASSED_ON.flatMap(({ name }) => flagsOf(all, name)),
    ],
    check: ["region", "profile", "user", "backend"].flatMap((name) =>
      flagsOf(all, name)
    ),
    leaving: {
      onStop: onStop === undefined ? place.onStop : config.onStop,
      onCrash: config.onCrash,
    },
  };
}

/** Reads each file once: a pipe has nothing more to give then. */
function remembered(readTextFile: ReadTextFile): ReadTextFile {
  const texts = new Map<string, string>();
  return (path, options) => {
    const text = texts.get(path) ?? readTextFile(path, options);
    texts.set(path, text);
    return text;
  };
}

/** Every setting given, in the file or by flags, which win. */
function gather(
  args: readonly string[],
  readTextFile: ReadTextFile,
): SourcedValues {
  const flags = expandAliases(fromFlags(args, [...PASSED_ON, ...OTHER_WAYS]));
  const [file] = flags.get(CONFIG_OPTION.name) ?? [];
  if (file === undefined) return flags;
  const { values, overrides } = fromFile(
    file.text,
    readTextFile,
    SERVE_SETTINGS,
  );
  if (overrides.length > 0) {
    throw new UsageError(
      `Cannot use key "overrides" in ${quote(file.text)}: ` +
        "expected none in a manifest, which has no file beside it",
    );
  }
  return new Map([...values, ...flags]);
}

function preset(name: string, text: string): SourcedValue {
  return { text, source: `the default of --${name}` };
}

/** A setting as arguments. */
function flagsOf(givens: SourcedValues, name: string): readonly string[] {
  return (givens.get(name) ?? []).map((given) => {
    if (!PLAIN.test(given.text)) {
      refuse(given, "letters, digits and any of @+=:,./[]_- in a manifest");
    }
    return `--${name}=${given.text}`;
  });
}

/** A file would be on this machine, not on the nodes. */
function requireBuiltIn(profile: SourcedValue): void {
  if (PROFILE_NAMES.includes(profile.text)) return;
  refuse(
    profile,
    `one of ${
      PROFILE_NAMES.join(", ")
    } in a manifest, which has no file beside it`,
  );
}

/** Nothing would ever be ready without a region to wait for. */
function requireEmulated({ regions }: WholeConfig, given?: SourcedValue): void {
  if (given === undefined || regions.size > 0) return;
  refuse(given, `REAL=EMULATED, ${NO_REGION} would be waited for in vain`);
}

/** The parent is root, and its child is not. */
function requireOpenPorts(
  { listen, admin }: WholeConfig,
  givens: SourcedValues,
): void {
  const expected =
    `a port from ${UNPRIVILEGED_FROM}, since the proxy gives root up`;
  for (const [i, given] of (givens.get("listen") ?? []).entries()) {
    const address = listen[i];
    if (address !== undefined && isClosed(address)) refuse(given, expected);
  }
  const [given] = givens.get("admin") ?? [];
  if (given !== undefined && admin !== undefined && isClosed(admin)) {
    refuse(given, expected);
  }
}

/** The rule redirects to 127.0.0.1. */
function requirePort({ listen }: WholeConfig, given?: SourcedValue): void {
  if (rulePorts(listen).ip) return;
  refuse(
    given ?? preset("listen", ""),
    "a fixed port on 127.0.0.1, where the rule redirects to",
  );
}
