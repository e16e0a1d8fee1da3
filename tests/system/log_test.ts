import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  createLog,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogOptions,
  RATE_LIMIT_MS,
  rateLimitedLog,
} from "../../lib/system/log.ts";

/** 2026-03-01 in Auckland. */
const NOW = new Date("2026-03-01T00:30:00.123+13:00");

/** A log and the lines it wrote. */
function logged(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    format: "text",
    write: (line) => lines.push(line),
    now: () => NOW,
    ...options,
  });
  return { log, lines };
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
  const lines: string[] = [];
  const settings: LogOptions = {
    level: "warn",
    format: "text",
    write: (line) => lines.push(line),
    now: () => NOW,
  };
  const log = createLog(settings);
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

Deno.test("createLog() writes the time in UTC, wherever it is", async () => {
  const log = new URL("../../lib/system/log.ts", import.meta.url).href;
  const script = `
    import { createLog } from ${JSON.stringify(log)};
    const write = (line) => Deno.stdout.writeSync(new TextEncoder().encode(line));
    createLog({ level: "info", format: "text", write }).info("now");
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--quiet",
      "--no-config",
      script,
    ],
    env: { TZ: "Pacific/Auckland" },
  }).output();
  const line = new TextDecoder().decode(stdout);
  assertMatch(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info now\n$/);
  assert(Math.abs(Date.parse(line.replace(/ .*\n/, "")) - Date.now()) < 60_000);
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

for (const format of LOG_FORMATS) {
  Deno.test(`createLog() writes one line an event as ${format}, whatever is in it`, () => {
    const { log, lines } = logged({ format });
    for (const unruly of UNRULY) {
      const forged = `a${unruly}2026-01-01T00:00:00.000Z error forged`;
      log.info("event", { value: forged });
      log.info(`event${forged}`);
    }
    assertEquals(lines.length, 2 * UNRULY.length);
    for (const line of lines) {
      assertEquals(OBEYED.exec(line.slice(0, -1)), null, JSON.stringify(line));
      assert(line.endsWith("\n"));
      assertMatch(line, /^(?:\{"time":")?2026-02-28T11:30:00\.123Z\b/);
    }
  });
}

Deno.test("createLog() writes JSON that parses to what it was given", () => {
  const { log, lines } = logged({ format: "json" });
  for (const unruly of UNRULY) {
    const fields = { value: `a${unruly}b`, count: 0.5, ok: false };
    log.error(`an event${unruly}`, fields);
    assertEquals(JSON.parse(lines.at(-1) ?? ""), {
      time: "2026-02-28T11:30:00.123Z",
      level: "error",
      message: `an event${unruly}`,
      ...fields,
    });
  }
});

Deno.test("rateLimitedLog() writes an event once a minute and says how many it held back", () => {
  const written: unknown[] = [];
  let now = 0;
  const write = rateLimitedLog((...event) => written.push(event), {
    now: () => now,
  });
  for (let i = 0; i < 100; i++) write("looping", { uid: 1 });
  assertEquals(written, [["looping", { uid: 1 }]]);
  now = RATE_LIMIT_MS;
  write("looping", { uid: 1 });
  now = 2 * RATE_LIMIT_MS;
  write("looping");
  assertEquals(written.slice(1), [
    ["looping", { uid: 1, held_back: 99 }],
    ["looping", {}],
  ]);
});

Deno.test("rateLimitedLog() writes an event as often in a minute as it is told", () => {
  const written: unknown[] = [];
  let now = 0;
  const write = rateLimitedLog(
    (message, fields) => written.push([message, fields]),
    {
      most: 2,
      now: () => now,
    },
  );
  for (const message of ["a", "b", "c", "d"]) {
    write(message);
    now += 15_000;
  }
  write("e");
  assertEquals(written, [["a", {}], ["b", {}], ["e", { held_back: 2 }]]);
});
