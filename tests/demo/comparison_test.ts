import { assertEquals, assertRejects } from "@std/assert";
import { compareAnswers, judge } from "../../lib/demo/comparison.ts";
import type { Question } from "../../lib/demo/questions.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const REGIONS = { real: "us-east-1", emulated: "us-iso-east-1" };

function question(special: Partial<Question> = {}): Question {
  return {
    directory: "/latest/",
    path: "x",
    status: 200,
    view: { kind: "text" },
    ...special,
  };
}

const JUDGED: readonly (readonly [
  when: string,
  changes: RegExp | undefined,
  real: string,
  through: string,
  changed: boolean,
  asExpected: boolean,
])[] = [
  ["what must stay stays", undefined, "us-east-1", "us-east-1", false, true],
  [
    "what must stay changed",
    undefined,
    "us-east-1",
    "us-iso-east-1",
    true,
    false,
  ],
  [
    "what must stay lost a byte",
    undefined,
    "us-east-1",
    "us-east-",
    true,
    false,
  ],
  [
    "what must change changed",
    /.+/g,
    "us-east-1a",
    "us-iso-east-1a",
    true,
    true,
  ],
  ["what must change stayed", /.+/g, "us-east-1a", "us-east-1a", false, false],
  ["what must change names no region", /.+/g, "x", "x", false, false],
  ["it changed to another", /.+/g, "us-east-1", "us-isob-east-1", true, false],
  [
    "only that field changed which must",
    /"a":"[^"]*"/g,
    '{"a":"us-east-1","b":"us-east-1"}',
    '{"a":"us-iso-east-1","b":"us-east-1"}',
    true,
    true,
  ],
  [
    "another field changed too",
    /"a":"[^"]*"/g,
    '{"a":"us-east-1","b":"us-east-1"}',
    '{"a":"us-iso-east-1","b":"us-iso-east-1"}',
    true,
    false,
  ],
];

function answered(text: string, status = 200) {
  return { status, headers: new Map(), body: new TextEncoder().encode(text) };
}

Deno.test("judge() tells whether exactly that changed which must", async (t) => {
  for (const [when, changes, real, through, changed, asExpected] of JUDGED) {
    await t.step(`when ${when}`, () => {
      const asked = question(changes === undefined ? {} : { changes });
      const judged = judge(
        asked,
        answered(real),
        answered(through),
        REGIONS,
      );
      assertEquals(judged.changed, changed);
      assertEquals(judged.asExpected, asExpected);
    });
  }
});

Deno.test("judge() tells when a status is not the one that must be", () => {
  for (
    const [expected, real, through, asExpected] of [
      [200, 200, 200, true],
      [404, 404, 404, true],
      [200, 404, 404, false],
      [200, 200, 502, false],
      [404, 404, 200, false],
    ] as const
  ) {
    const { asExpected: judged } = judge(
      question({ status: expected }),
      answered("", real),
      answered("", through),
      REGIONS,
    );
    assertEquals(judged, asExpected, `${expected} ${real} ${through}`);
  }
});

Deno.test("compareAnswers() asks each way with the token of that way", async () => {
  const start = (token: string) =>
    startUpstream(({ method }, connection) =>
      connection.write(answer(method === "PUT" ? token : "same"))
    );
  await using real = await start("token-1");
  await using through = await start("token-2");
  const [comparison] = await compareAnswers(
    [question()],
    {
      real: `http://127.0.0.1:${real.address.port}`,
      through: `http://127.0.0.1:${through.address.port}`,
    },
    REGIONS,
  );
  assertEquals(comparison?.asExpected, true);
  for (
    const [upstream, token] of [[real, "token-1"], [
      through,
      "token-2",
    ]] as const
  ) {
    assertEquals(
      upstream.requests.map(({ method, target, headers }) => [
        method,
        target,
        headers.find(([name]) => /-token$/.test(name))?.[1],
      ]),
      [["PUT", "/latest/api/token", undefined], ["GET", "/latest/x", token]],
    );
  }
});

Deno.test("compareAnswers() says which of the two gives no token", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("", [], "403 Forbidden"))
  );
  const url = `http://127.0.0.1:${upstream.address.port}`;
  await assertRejects(
    () => compareAnswers([], { real: url, through: url }, REGIONS),
    Error,
    `Cannot get a token from ${url}: status 403`,
  );
});
