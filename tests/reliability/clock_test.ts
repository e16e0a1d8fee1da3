import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/node.ts";
import { startProgram } from "../helpers/program.ts";
import { ask, get } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { CLOCK_NEEDS, startClock } from "./clock.ts";
import { figure } from "./figures.ts";
import { startServed } from "./served.ts";

/** As long as a busy machine may take for anything, in milliseconds. */
const PATIENCE_MS = 60_000;

const DAYS_MS = 10 * 24 * 60 * 60 * 1000;

/** How far the last line of a log is off, in milliseconds. */
function offset(log: string): number {
  const [, time = ""] = /^(\S+)[^\n]*\n$/.exec(
    log.slice(log.trimEnd().lastIndexOf("\n") + 1),
  ) ?? [];
  return Date.parse(time) - Date.now();
}

testWith(CLOCK_NEEDS)(
  "serve keeps to its timeouts and to the life of answers when the clock jumps",
  async () => {
    await using clock = await startClock();
    let asked = 0;
    await using upstream = await startUpstream(({ target }, connection) =>
      target === "/silent" ? undefined : connection.write(answer(`${++asked}`))
    );
    await using served = await startServed(
      upstream.address,
      ["--timeout=0.5", "--cache=1.5", "--log-level=debug"],
      { env: clock.env },
    );
    const { address, program } = served;
    const once = async () => (await ask(address, get("/once"))).body;
    const waits: number[] = [];
    for (const days of [10, -10, 10, 0]) {
      const before = await once();
      const kept = performance.now();
      await clock.jump(days);
      if (await once() !== before) {
        assert(performance.now() - kept > 1_000, `${days} days end a life`);
      }
      const start = performance.now();
      const silent = ask(address, get("/silent"));
      await clock.jump(-days);
      assertEquals((await silent).status, 504);
      waits.push(performance.now() - start);
      await until(
        "the answer's life is over",
        async () => await once() !== before,
      );
      assert(
        performance.now() - kept < PATIENCE_MS,
        `${days} days lengthen a life`,
      );
      const off = offset(program.stderr());
      assert(
        Math.abs(off + days / 10 * DAYS_MS) < PATIENCE_MS,
        `The clock is ${off} ms off`,
      );
    }
    figure(
      "clock jumps",
      `504 after ${waits.map((ms) => ms.toFixed(0))} ms with --timeout 0.5`,
    );
    for (const wait of waits) {
      assert(wait > 450 && wait < PATIENCE_MS, `${wait} ms`);
    }
    assertEquals((await program.stop()).code, 0);
  },
);

testWith(CLOCK_NEEDS)(
  "simulate keeps to the life of tokens when the clock jumps",
  async () => {
    await using clock = await startClock();
    await using program = await startProgram(
      ["simulate", "--listen=127.0.0.1:0", "--require-v2"],
      { env: clock.env },
    );
    const { hostname, port } = new URL(program.url);
    const address = { hostname, port: Number(port) };
    const token = async (seconds: number): Promise<string> => {
      const got = await ask(
        address,
        "PUT /latest/api/token HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" +
          `X-aws-ec2-metadata-token-ttl-seconds: ${seconds}\r\n\r\n`,
      );
      assertMatch(got.body, /^\S{56}$/);
      return got.body;
    };
    const status = async (held: string): Promise<number> => {
      const header = `X-aws-ec2-metadata-token: ${held}`;
      return (await ask(address, get("/latest/meta-data/", header))).status;
    };
    const long = await token(21_600);
    await clock.jump(10);
    assertEquals(await status(long), 200);
    const short = await token(1);
    await clock.jump(-10);
    assertEquals(await status(long), 200);
    await until(
      "the short token is over",
      async () => await status(short) === 401,
    );
  },
);
