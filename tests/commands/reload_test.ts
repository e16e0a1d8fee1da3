import { assertEquals, assertMatch } from "@std/assert";
import { createReload } from "../../lib/commands/serve.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { recordLog } from "../helpers/log.ts";

const FILE = "listen: 127.0.0.1:4000\nregion: us-east-1=us-isob-east-1\n";

/** A `serve` with a file, which may be exchanged; what throws is not there. */
function stage() {
  const { log, lines, settings } = recordLog({ level: "info" });
  const it = { file: FILE as string | Error };
  const readTextFile = () => {
    if (typeof it.file === "string") return it.file;
    throw it.file;
  };
  const read = () => readServeConfig(["--config=c.yaml"], {}, readTextFile);
  const first = read();
  const reload = createReload(first, read, log, settings);
  return {
    first,
    settings,
    /** Reads a file: what is in force then, if it changed, and what was said. */
    read(file: string | Error) {
      it.file = file;
      lines.length = 0;
      return { config: reload(), said: lines.slice() };
    },
  };
}

Deno.test("createReload() says in one line why a broken file changes nothing", () => {
  const it = stage();
  for (
    const [file, reason] of [
      ["log-level: debug\ntimeout: soon\n", /soon.* for key .*timeout/],
      [new Deno.errors.NotFound("x"), /Cannot read .*c\.yaml.*no such file/],
    ] as const
  ) {
    const { config, said: [line = "", ...more] } = it.read(file);
    assertEquals([config, more], [undefined, []]);
    assertMatch(line, / error configuration unchanged error=[^\n]+\n$/);
    assertMatch(line, reason);
    assertEquals(it.settings.level, "info");
    // What was in force is what the next one is compared with.
    assertMatch(it.read(FILE).said.join(""), /^[^\n]+ changed=nothing\n$/);
  }
});

Deno.test("createReload() says that another address needs a restart, and keeps the one in force", () => {
  const it = stage();
  const restart = / warn restart to apply changes of=listen\n/;
  const elsewhere = FILE.replace("4000", "5000");
  const only = it.read(elsewhere);
  assertEquals(only.config, undefined);
  assertMatch(only.said[0] ?? "", restart);
  assertMatch(only.said[1] ?? "", / read again changed=nothing\n/);

  const more = it.read(`${elsewhere}timeout: 1\n`);
  assertEquals(more.config?.timeoutMs, 1_000);
  assertEquals(more.config?.listen, it.first.listen);
  assertMatch(more.said[0] ?? "", restart);
  assertMatch(more.said[1] ?? "", / read again changed=timeout\n/);

  // Back to what was in force needs none.
  const back = it.read(`${FILE}timeout: 1\n`);
  assertMatch(back.said.join(""), /^[^\n]+ changed=nothing\n$/);
});
