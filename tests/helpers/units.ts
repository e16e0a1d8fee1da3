/**
 * systemd units as tests read them.
 *
 * @module
 */
import { parse } from "@std/yaml";

/** The settings of a unit in their order, as `[Section] Key` and value. */
export type Settings = readonly (readonly [key: string, value: string])[];

/** Reads a unit: lines are joined where they go on, comments left out. */
export function parseUnit(text: string): Settings {
  const settings: [string, string][] = [];
  let section = "";
  for (const line of text.replaceAll(/ *\\\n */g, " ").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    const setting = /^(\w+)=(.*)$/.exec(line);
    if (header !== null) section = header[0];
    else if (setting === null) throw new Error(`No setting: ${line}`);
    else settings.push([`${section} ${setting[1]}`, setting[2] ?? ""]);
  }
  return settings;
}

/** Every value of one setting. */
export function valuesOf(settings: Settings, key: string): readonly string[] {
  return settings.filter(([name]) => name === key).map(([, value]) => value);
}

/** A unit inside a machine config. */
export interface IgnitionUnit {
  /** Its file name. */
  readonly name: string;
  /** Whether it is enabled. */
  readonly enabled: boolean;
  /** Its text. */
  readonly contents: string;
}

/** The units of a machine config in YAML. */
export function unitsOf(yaml: string): readonly IgnitionUnit[] {
  const { spec } = parse(yaml) as {
    spec: { config: { systemd: { units: IgnitionUnit[] } } };
  };
  return spec.config.systemd.units;
}
