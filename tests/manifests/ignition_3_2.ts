/**
 * The rules of Ignition 3.2.0 configs, written down from the specification,
 * and what the machine-config operator refuses on top.
 * https://coreos.github.io/ignition/configuration-v3_2/
 *
 * @module
 */

/** What a value may be. */
type Rule =
  | "boolean"
  | "string"
  | "url"
  | "path"
  | "mode"
  | "unit name"
  | "dropin name"
  /** Known to Ignition, refused or ignored on a node that runs already. */
  | "not on OpenShift"
  | readonly [items: Rule]
  | { readonly [key: string]: Rule };

/** The keys that a config may have; those that end in `*` must be there. */
const CONFIG: Rule = {
  "ignition*": {
    "version*": "string",
    config: "not on OpenShift",
    proxy: "not on OpenShift",
    security: "not on OpenShift",
    timeouts: "not on OpenShift",
  },
  passwd: "not on OpenShift",
  storage: {
    directories: "not on OpenShift",
    disks: "not on OpenShift",
    files: [{
      "path*": "path",
      append: "not on OpenShift",
      contents: { source: "url" },
      group: "not on OpenShift",
      mode: "mode",
      overwrite: "boolean",
      user: "not on OpenShift",
    }],
    filesystems: "not on OpenShift",
    links: "not on OpenShift",
    luks: "not on OpenShift",
    raid: "not on OpenShift",
  },
  systemd: {
    units: [{
      "name*": "unit name",
      contents: "string",
      dropins: [{ "name*": "dropin name", contents: "string" }],
      enabled: "boolean",
      mask: "boolean",
    }],
  },
};

const PATTERNS: Readonly<Record<string, RegExp>> = {
  string: /^[^]*$/,
  url: /^data:[^,]*,/,
  path: /^\/(?:[^/]+\/)*[^/]+$/,
  "unit name":
    /^[\w:.\\@-]+\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/,
  "dropin name": /^[\w:.\\@-]+\.conf$/,
};

/**
 * Checks a config.
 *
 * @returns what is wrong, one line each
 */
export function ignitionErrors(config: unknown): readonly string[] {
  const errors = errorsOf(config, CONFIG, "config");
  if (errors.length > 0) return errors;
  const { ignition, systemd, storage } = config as {
    ignition: { version: string };
    systemd?: {
      units?: { name: string; enabled?: boolean; contents?: string }[];
    };
    storage?: { files?: { path: string }[] };
  };
  const units = systemd?.units ?? [];
  const names = [
    ...units.map(({ name }) => name),
    ...(storage?.files ?? []).map(({ path }) => path),
  ];
  return [
    ...ignition.version === "3.2.0" ? [] : ["ignition.version is not 3.2.0"],
    ...names.filter((name, i) => names.indexOf(name) < i)
      .map((name) => `${name} stands twice`),
    ...units
      .filter(({ enabled, contents }) =>
        enabled && contents !== undefined && !/^\[Install\]$/m.test(contents)
      )
      .map(({ name }) => `${name} is enabled without [Install]`),
  ];
}

function errorsOf(value: unknown, rule: Rule, at: string): string[] {
  if (rule === "not on OpenShift") return [`${at} is refused by OpenShift`];
  if (rule === "boolean") {
    return typeof value === "boolean" ? [] : [`${at} is no boolean`];
  }
  if (rule === "mode") {
    return Number.isInteger(value) && Number(value) >= 0 &&
        Number(value) <= 0o7777
      ? []
      : [`${at} is no decimal mode`];
  }
  if (typeof rule === "string") {
    return typeof value === "string" && PATTERNS[rule]?.test(value)
      ? []
      : [`${at} is no ${rule}`];
  }
  if (isList(rule)) {
    return Array.isArray(value)
      ? value.flatMap((item, i) => errorsOf(item, rule[0], `${at}[${i}]`))
      : [`${at} is no list`];
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [`${at} is no mapping`];
  }
  const rules = new Map(Object.entries(rule));
  const missing = [...rules.keys()]
    .filter((key) => key.endsWith("*") && !(key.slice(0, -1) in value))
    .map((key) => `${at}.${key.slice(0, -1)} is missing`);
  return [
    ...missing,
    ...Object.entries(value).flatMap(([key, inner]) => {
      const own = rules.get(key) ?? rules.get(`${key}*`);
      return own === undefined
        ? [`${at}.${key} is unknown`]
        : errorsOf(inner, own, `${at}.${key}`);
    }),
  ];
}

function isList(rule: Rule): rule is readonly [Rule] {
  return Array.isArray(rule);
}
