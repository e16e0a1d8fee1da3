/**
 * systemd's own opinion on units.
 *
 * @module
 */
import type { Need } from "./requires.ts";

/** What a test with `systemd-analyze` needs. */
export const SYSTEMD_ANALYZE: readonly Need[] = [
  { command: "systemd-analyze", from: "systemd" },
];

async function analyze(
  units: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<{ readonly success: boolean; readonly said: string }> {
  const folder = await Deno.makeTempDir({ prefix: "c2s-imds-units-" });
  try {
    const paths: string[] = [];
    for (const [name, text] of Object.entries(units)) {
      const path = `${folder}/${name}`;
      // What is not installed here would be an error of its own.
      await Deno.writeTextFile(
        path,
        text.replaceAll(
          /\/usr\/(?:local\/)?bin\/(?:podman|c2s-imds) /g,
          "/bin/true ",
        ),
      );
      paths.push(path);
    }
    const { success, stdout, stderr } = await new Deno.Command(
      "systemd-analyze",
      { args: [...args, ...paths], env: { SYSTEMD_COLORS: "0" } },
    ).output();
    const decoder = new TextDecoder();
    return {
      success,
      said: decoder.decode(stdout) + decoder.decode(stderr),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Runs `systemd-analyze verify`.
 *
 * @param units texts by file name
 * @returns its complaints; empty when it has none
 */
export async function verifyUnits(
  units: Readonly<Record<string, string>>,
): Promise<string> {
  const { success, said } = await analyze(units, ["--man=no", "verify"]);
  return success ? said : `failed: ${said}`;
}

/**
 * Runs `systemd-analyze security`.
 *
 * @returns the exposure, 0 to 10
 */
export async function exposureOf(name: string, text: string): Promise<number> {
  const { said } = await analyze({ [name]: text }, [
    "--no-pager",
    "--offline=true",
    "security",
  ]);
  const level = /Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1];
  if (level === undefined) throw new Error(`No exposure level: ${said}`);
  return Number(level);
}
