import { assertEquals, assertMatch } from "@std/assert";
import {
  LOG_FORMATS,
  LOG_LEVELS,
  type LogOptions,
  rateLimitedLog,
} from "../../lib/system/log.ts";
import { stopClock } from "../helpers/clock.ts";
import { recordLog } from "../helpers/log.ts";

/** 2026-03-01 in Auckland. */
const NOW = new Date("2026-03-01T00:30:00.123+13:00");

/** A log and the lines it wrote. */
function logged(options: Partial<LogOptions> = {}) {
  return recordLog({ now: () => NOW, ...options });
}

Deno.test("createLog() writes what is of its level or above", () => {
  for (const [rank, level] of LOG_LEVELS.entries()) {
    for (const format of LOG_FORMATS) {
      const { log, lines } = logged({ level, format });
      for (const each of LOG_LEVELS) log[each]("event");
      assertEquals(
        lines.map((line) => /debug|info|warn|error/.exec(line)?.[0]),
        LOG_LEVELS.slice(rank),
      );
    }
  }
});

Deno.test("createLog() goes by a level and a format that change while it is in use", () => {
  const { log, lines, settings } = logged({ level: "warn" });
  log.info("first");
  settings.level = "info";
  log.info("second");
  settings.format = "json";
  log.info("third");
  assertEquals(lines, [
    "2026-02-28T11:30:00.123Z info second\n",
    '{"time":"2026-02-28T11:30:00.123Z","level":"info","message":"third"}\n',
  ]);
});

Deno.test("createLog() writes text with quotes only where a value needs them", () => {
  const { log, lines } = logged();
  log.warn("a thing happened", {
    url: "http://[::1]:4000/a?b=c",
    path: "/a/b.c",
    count: 3,
    ok: true,
    empty: "",
    words: "two words",
    quoted: 'a "b" \\',
  });
  assertEquals(lines, [
    "2026-02-28T11:30:00.123Z warn a thing happened " +
    'url="http://[::1]:4000/a?b=c" path=/a/b.c count=3 ok=true empty="" ' +
    'words="two words" quoted="a \\"b\\" \\\\"\n',
  ]);
});

/** What some reader takes for the end of a line, or obeys. */
const UNRULY: readonly string[] = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, i) => String.fromCharCode(0x7f + i)),
  "\u2028",
  "\u2029",
  "\r\n",
  "\ud800",
];

/** What ends a line for one reader or another, and every control character. */
const OBEYED = /[\p{Cc}\u2028\u2029]/u;

Deno.test("createLog() writes one line an event, whatever is in it, and JSON that parses to it", () => {
  for (const format of LOG_FORMATS) {
    const { log, lines } = logged({ format });
    for (const unruly of UNRULY) {
      const message = `a${unruly}2026-01-01T00:00:00.000Z error forged`;
      const fields = { value: message, count: 0.5, ok: false };
      log.info(message, fields);
      const line = lines.pop() ?? "";
      assertEquals(lines, []);
      assertEquals(OBEYED.exec(line.slice(0, -1)), null, JSON.stringify(line));
      assertMatch(line, /^(?:\{"time":")?2026-02-28T11:30:00\.123Z\b.*\n$/);
      if (format === "text") continue;
      const time = "2026-02-28T11:30:00.123Z";
      const whole = { time, level: "info", message, ...fields };
      assertEquals(JSON.parse(line), whole);
    }
  }
});

Deno.test("rateLimitedLog() writes an event so often in a minute, and says how many it held back", async () => {
  for (
    const [most, expected] of [
      [undefined, [["a", {}], ["e", { held_back: 3 }], ["i", {}]]],
      [2, [["a", {}], ["b", {}], ["e", { held_back: 2 }], ["i", {}]]],
    ] as const
  ) {
    const written: unknown[] = [];
    using clock = await stopClock();
    const write = rateLimitedLog((...event) => written.push(event), most);
    for (const message of ["a", "b", "c", "d", "e"]) {
      write(message);
      clock.advance(15_000);
    }
    clock.advance(60_000);
    write("i");
    assertEquals<unknown>(written, expected);
  }
});
