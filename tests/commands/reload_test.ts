import { assertEquals, assertMatch } from "@std/assert";
import { createReload } from "../../lib/commands/serve.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { recordLog } from "../helpers/log.ts";

const FILE = "listen: 127.0.0.1:4000\nregion: us-east-1=us-isob-east-1\n";
const ELSEWHERE = FILE.replace("4000", "5000");
const NOTHING = / info configuration read again changed=nothing\n$/;
const RESTART = / warn restart to apply changes of=listen\n$/;

/** The files that are found one after the other, and what is said of each. */
const READ: readonly (readonly [file: string | Error, ...said: RegExp[]])[] = [
  [
    "log-level: debug\ntimeout: soon\n",
    / error configuration unchanged error=[^\n]*soon[^\n]* for key [^\n]*timeout[^\n]*\n$/,
  ],
  [
    new Deno.errors.NotFound("x"),
    / error configuration unchanged error="Cannot read [^\n]*c\.yaml[^\n]*no such file"\n$/,
  ],
  // What was in force is what the next one is compared with.
  [FILE, NOTHING],
  [ELSEWHERE, RESTART, NOTHING],
  [`${ELSEWHERE}timeout: 1\n`, RESTART, / read again changed=timeout\n$/],
  [`${FILE}timeout: 1\n`, NOTHING],
];

Deno.test("createReload() says what changed, what needs a restart, and why a broken file changes nothing", () => {
  const { log, lines, settings } = recordLog({ level: "info" });
  let file: string | Error = FILE;
  const read = () =>
    readServeConfig(["--config=c.yaml"], {}, () => {
      if (typeof file === "string") return file;
      throw file;
    });
  const first = read();
  const reload = createReload(first, read, log, settings);
  for (const [next, ...said] of READ) {
    file = next;
    const config = reload();
    const heard = lines.splice(0);
    assertEquals(heard.length, said.length, `${next}`);
    for (const [i, line] of said.entries()) assertMatch(heard[i] ?? "", line);
    assertEquals(settings.level, "info");
    const isNew = said.some(({ source }) => source.includes("changed=timeout"));
    const applied = isNew ? [1_000, first.listen] : [undefined, undefined];
    assertEquals([config?.timeoutMs, config?.listen], applied);
  }
});
