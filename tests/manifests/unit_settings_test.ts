import { assertEquals } from "@std/assert";
import { restartLines } from "../../lib/manifests/unit_settings.ts";
import { parseUnit, valuesOf } from "../helpers/units.ts";

/** What a unit's ExecStopPost= does, run as systemd would, in a shell's words. */
async function left(
  onStop: "keep" | "remove",
  onCrash: "keep" | "remove",
  { result, job }: { readonly result: string; readonly job?: number },
): Promise<string> {
  const lines = restartLines({ onStop, onCrash }, "/bin/echo removed");
  const [line] = valuesOf(
    parseUnit(`[Service]\n${lines}`),
    "[Service] ExecStopPost",
  );
  if (line === undefined) return "";
  // systemd turns $$ into $ and %n into the unit's name.
  const script = line.replaceAll("$$", "$").replaceAll(
    "%n",
    "c2s-imds.service",
  );
  const { stdout, success } = await new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `sleep() { :; }; systemctl() { echo "Job=${job ?? ""}"; }
       ${script.replace(/^\/bin\/sh -c '(.*)'$/, "$1")}`,
    ],
    env: { SERVICE_RESULT: result },
  }).output();
  assertEquals(success, true);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("restartLines() leaves what --on-stop and --on-crash say, and starts again after two seconds in all", async () => {
  for (
    const [onStop, onCrash, atStop, atCrash, inPause] of [
      ["keep", "keep", "", "", ""],
      ["keep", "remove", "", "removed", "removed"],
      ["remove", "keep", "removed", "", "removed"],
      ["remove", "remove", "removed", "removed", "removed"],
    ] as const
  ) {
    const note = `${onStop} ${onCrash}`;
    const after = (result: string, job?: number) =>
      left(onStop, onCrash, job === undefined ? { result } : { result, job });
    assertEquals(await after("success"), atStop, note);
    for (const result of ["signal", "exit-code", "oom-kill", "timeout"]) {
      assertEquals(await after(result), atCrash, `${note} ${result}`);
    }
    assertEquals(await after("signal", 4711), inPause, note);
    const lines = restartLines({ onStop, onCrash }, "remove");
    const settings = parseUnit(`[Service]\n${lines}`);
    assertEquals(valuesOf(settings, "[Service] Restart"), ["always"]);
    const [seconds] = valuesOf(settings, "[Service] RestartSec");
    assertEquals(seconds, lines.includes("sleep 2;") ? "0" : "2");
  }
});
