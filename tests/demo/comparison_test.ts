import { assertEquals, assertRejects } from "@std/assert";
import {
  compareAnswers,
  judge,
  type Question,
} from "../../lib/demo/comparison.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";

const QUESTION: Question = {
  directory: "/latest/",
  path: "x",
  status: 200,
};

const FIELD = /"a":"[^"]*"/g;

const JUDGED: readonly (readonly [
  when: string,
  changes: RegExp | undefined,
  real: string,
  through: string,
  asExpected: boolean,
])[] = [
  ["what must stay stays", undefined, "us-east-1", "us-east-1", true],
  ["what must stay changed", undefined, "us-east-1", "us-iso-east-1", false],
  ["what must stay lost a byte", undefined, "us-east-1", "us-east-", false],
  ["what must change changed", /.+/g, "us-east-1a", "us-iso-east-1a", true],
  ["what must change stayed", /.+/g, "us-east-1a", "us-east-1a", false],
  ["what must change names no region", /.+/g, "x", "x", false],
  ["it changed to another", /.+/g, "us-east-1", "us-isob-east-1", false],
  [
    "only that field changed which must",
    FIELD,
    '{"a":"us-east-1","b":"us-east-1"}',
    '{"a":"us-iso-east-1","b":"us-east-1"}',
    true,
  ],
  [
    "another field changed too",
    FIELD,
    '{"a":"us-east-1","b":"us-east-1"}',
    '{"a":"us-iso-east-1","b":"us-iso-east-1"}',
    false,
  ],
];

function answered(text: string, status = 200) {
  return { status, headers: new Map(), body: new TextEncoder().encode(text) };
}

Deno.test("judge() tells whether exactly that changed which must", () => {
  for (const [when, changes, real, through, asExpected] of JUDGED) {
    const judged = judge(
      { ...QUESTION, ...changes === undefined ? {} : { changes } },
      answered(real),
      answered(through),
    );
    assertEquals(judged.changed, real !== through, when);
    assertEquals(judged.asExpected, asExpected, when);
  }
  for (
    const [status, real, through, asExpected] of [
      [404, 404, 404, true],
      [200, 404, 404, false],
      [200, 200, 502, false],
      [404, 404, 200, false],
    ] as const
  ) {
    const both = [answered("", real), answered("", through)] as const;
    const judged = judge({ ...QUESTION, status }, ...both);
    assertEquals(judged.asExpected, asExpected, `${status} ${real} ${through}`);
  }
});

Deno.test("compareAnswers() asks each way with the token of that way", async () => {
  const start = (token: string) =>
    startUpstream(({ method }, connection) =>
      connection.write(answer(method === "PUT" ? token : "same"))
    );
  await using real = await start("token-1");
  await using through = await start("token-2");
  const [comparison] = await compareAnswers([QUESTION], {
    real: `http://127.0.0.1:${real.address.port}`,
    through: `http://127.0.0.1:${through.address.port}`,
  });
  assertEquals(comparison?.asExpected, true);
  for (
    const [{ requests }, token] of [
      [real, "token-1"],
      [through, "token-2"],
    ] as const
  ) {
    assertEquals(
      requests.map(({ method, target, headers }) => [
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
    () => compareAnswers([], { real: url, through: url }),
    Error,
    `Cannot get a token from ${url}: status 403`,
  );
});
