import { assertEquals } from "@std/assert";
import {
  grown,
  strayErrors,
  unanswered,
  unjudged,
  unnoticed,
} from "./judgement.ts";

const EVENT = {
  name: "child killed",
  allowed: ["refused", "lost"],
  shows: "refused",
  from: 0,
  to: 10,
} as const;

Deno.test("unnoticed() tells of a fault that must be felt and was not", () => {
  const failure = { client: "curl", from: 0, to: 1, at: 1, path: "/" };
  const felt = (what: "lost" | "refused") => ({
    explained: [{ fault: EVENT, failures: [{ ...failure, what }] }],
    unexplained: [],
  });
  assertEquals(unnoticed([EVENT], felt("refused")), []);
  assertEquals(unnoticed([EVENT], felt("lost")), [
    `No client noticed "child killed: refused"`,
  ]);
});

Deno.test("unanswered() tells of clients that got nothing", () => {
  const rest = {
    "kept connections": 1,
    "kept connections, IMDSv2": 1,
    "new connections": 1,
    "new connections, IMDSv2": 1,
  };
  assertEquals(unanswered({ ...rest, curl: 1 }), []);
  assertEquals(unanswered(rest), ["Never answered: curl"]);
});

Deno.test("strayErrors() tells of errors that no fault leads to", () => {
  const stray = "2026-01-01T00:00:00.000Z error cannot forward a request";
  const log = [
    `2026-01-01T00:00:00.000Z error the proxy died pid=1 how="signal SIGKILL"`,
    "2026-01-01T00:00:00.000Z warn the metadata service failed",
    stray,
    "",
  ].join("\n");
  assertEquals(strayErrors(log), [stray]);
});

const COURSE = { seconds: 40, first: 30, last: 70.5, peak: 99 };

Deno.test("unjudged() tells of memory that was not judged though there was time", () => {
  const parent = { ...COURSE, judged: true, grew: false };
  const child = { ...parent, seconds: 9, judged: false };
  assertEquals(unjudged(60, { parent, child }), [
    "Memory of the child was watched for 9 s: too short to tell",
  ]);
  assertEquals(unjudged(59, { parent, child }), []);
  assertEquals(unjudged(60, { parent }), []);
});

Deno.test("grown() tells whose memory grew, and how far", () => {
  const parent = { ...COURSE, judged: true, grew: false };
  const child = { ...parent, grew: true };
  assertEquals(grown({ parent, child }), [
    "Memory of the child grew from 30.0 to 70.5 MB",
  ]);
});
