/**
 * The options of `serve` as they go into a manifest: checked as `serve` checks
 * them, then written as its arguments again.
 *
 * @module
 */
import type { ReadTextFile } from "../config/yaml.ts";
import {
  type Option,
  refuse,
  type SourcedValue,
  type SourcedValues,
} from "../cli/options.ts";
import { HIGHEST_UID } from "../config/values.ts";
import { PROFILE_NAMES } from "../config/profiles.ts";
import { quote, UsageError } from "../cli/message.ts";
import {
  gatherSettings,
  parseServeConfig,
} from "../config/read_serve_config.ts";
import { NO_REGION } from "../config/regions.ts";
import type { Leaving, WholeConfig } from "../config/serve_config.ts";
import {
  CONFIG_OPTION,
  defaultOf,
  OPTIONS,
  SERVE_ALIASES,
  SERVE_SETTINGS,
} from "../config/serve_options.ts";
import type { LeavingRule } from "../manifests/unit_settings.ts";
import { isClosed, UNPRIVILEGED_FROM } from "../supervisor/preflight.ts";
import { rulePorts } from "../rule/rule.ts";

/** The rule is what a manifest is for; with it nobody needs the address. */
const DECIDED: readonly string[] = ["iptables", "address", "arp-ignore"];

/** What `serve` is told. */
export const PASSED_ON: readonly Option[] = SERVE_SETTINGS
  .filter(({ name }) => !DECIDED.includes(name));

/** Flags that say the same in other ways. */
export const OTHER_WAYS: readonly Option[] = [CONFIG_OPTION, ...SERVE_ALIASES];

/** The manifests there are; all but the last run the proxy in a container. */
export const KINDS = ["machineconfig", "daemonset", "systemd"] as const;

/** One of {@linkcode KINDS}. */
export type Kind = typeof KINDS[number];

/**
 * What becomes of the rule on a clean stop, unless told. A machine config keeps
 * it over restarts, whatever is asked. Who takes a DaemonSet or a plain unit
 * away does not expect nodes without metadata, so there keeping it is a choice.
 */
function usualOnStop(kind: Kind): Leaving {
  return kind === "machineconfig" ? "keep" : "remove";
}

/** Where a monitored proxy answers administrators, unless told. */
const ADMIN = "127.0.0.1:4001";

/** What goes into the manifest. */
export interface Settings {
  /** Where the proxy answers administrators, if it does. */
  readonly admin: string | undefined;
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

/**
 * Reads the settings. The environment has no part in it: it is that of another
 * machine.
 *
 * @param args flags of `serve`
 * @param readTextFile reads the file of `--config`
 * @param kind what the proxy is run by
 * @param isMonitored whether a Prometheus is to ask it
 * @throws {UsageError} for what `serve` would refuse there
 */
export function readSettings(
  args: readonly string[],
  readTextFile: ReadTextFile,
  kind: Kind,
  isMonitored: boolean,
): Settings {
  const { values, overrides } = gatherSettings(args, {}, readTextFile);
  const config = parseServeConfig({ values, overrides }, readTextFile);
  if (overrides.length > 0) {
    const [file] = values.get(CONFIG_OPTION.name) ?? [];
    throw new UsageError(
      `Cannot use key "overrides" in ${quote(file?.text ?? "")}: ` +
        "expected none in a manifest, which has no file beside it",
    );
  }
  const onStop = usualOnStop(kind);
  requireFit(config, values, kind, isMonitored);
  const all: SourcedValues = new Map([
    // Said in so many words, so that a manifest tells what it does.
    ...values.has("profile") ? [] : [
      [OPTIONS.regions.name, defaultOf(OPTIONS.regions)] as const,
    ],
    ["on-stop", [preset("on-stop", onStop)]],
    ...isMonitored ? [["admin", [preset("admin", ADMIN)]] as const] : [],
    ...values,
  ]);
  return {
    admin: all.get("admin")?.[0]?.text,
    serve: [
      "serve",
      "--iptables",
      ...PASSED_ON.flatMap(({ name }) => flagsOf(all, name)),
    ],
    check: ["region", "profile", "user", "backend"].flatMap((name) =>
      flagsOf(all, name)
    ),
    leaving: {
      onStop: values.has("on-stop") ? config.onStop : onStop,
      onCrash: config.onCrash,
    },
  };
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

/**
 * Refuses what `serve` takes elsewhere, and not there.
 *
 * @throws {UsageError} that names the setting
 */
function requireFit(
  { listen, admin, regions, user }: WholeConfig,
  givens: SourcedValues,
  kind: Kind,
  isMonitored: boolean,
): void {
  const isContainer = kind !== "systemd";
  const expect = (name: string, holds: boolean, expected: string, i = 0) => {
    if (!holds) refuse(givens.get(name)?.[i] ?? preset(name, ""), expected);
  };
  const text = (name: string, fallback: string) =>
    givens.get(name)?.[0]?.text ?? fallback;
  expect(
    "user",
    !isContainer || "uid" in user,
    `a uid from 1 to ${HIGHEST_UID}`,
  );
  expect(
    "on-stop",
    kind !== "machineconfig" || text("on-stop", "keep") === "keep",
    `keep, else each restart opens the way to the real region`,
  );
  // Nothing would ever be ready.
  expect(
    "region",
    !isContainer || regions.size > 0,
    `REAL=EMULATED, ${NO_REGION} would be waited for in vain`,
  );
  expect(
    "listen",
    (rulePorts(listen).ip ?? 0) > 0,
    "a fixed port on 127.0.0.1, where the rule redirects to",
  );
  const open = `a port from ${UNPRIVILEGED_FROM}, since the proxy drops root`;
  for (const [i, address] of listen.entries()) {
    expect("listen", !isClosed(address), open, i);
  }
  expect("admin", admin === undefined || !isClosed(admin), open);
  expect(
    "admin",
    !isMonitored || admin?.port !== 0,
    "a fixed port with --monitoring",
  );
  const [builtIn = ""] = PROFILE_NAMES;
  expect(
    "profile",
    PROFILE_NAMES.includes(text("profile", builtIn)),
    `one of ${
      PROFILE_NAMES.join(", ")
    } in a manifest, which has no file beside it`,
  );
}
