import { assertEquals, assertStringIncludes } from "@std/assert";
import { judge } from "../../lib/commands/demo_comparison.ts";
import type { Question } from "../../lib/commands/demo_questions.ts";
import {
  renderReport,
  unexpectedAnswers,
} from "../../lib/commands/demo_report.ts";

const REGIONS = { real: "us-east-1", emulated: "us-iso-east-1" };
const URLS = { real: "http://127.0.0.1:1", through: "http://127.0.0.1:2" };

/** A path that must stay as it is, and what became of it. */
function compared(path: string, real: string, through: string) {
  const question: Question = {
    directory: "/latest/",
    path,
    status: 200,
    view: { kind: "text" },
  };
  const answer = (text: string) => ({
    status: 200,
    headers: new Map(),
    body: new TextEncoder().encode(text),
  });
  return judge(question, answer(real), answer(through), REGIONS);
}

const SAME = compared("id", "i-1", "i-1");
const WRONG = compared("name", "us-east-1", "us-iso-east-1");

Deno.test("renderReport() says where it asked and counts what changed", () => {
  const comparisons = [SAME, WRONG, SAME];
  const report = renderReport(
    { comparisons, urls: URLS, regions: REGIONS },
    false,
  );
  assertEquals(report.split("\n").slice(0, 3), [
    "A simulated instance in us-east-1, asked as an SDK asks (IMDSv2, with a token):",
    "directly at http://127.0.0.1:1, and through c2s-imds at http://127.0.0.1:2.",
    "",
  ]);
  assertStringIncludes(
    report,
    "\n\n1 of 3 answers changed (→), the other 2 are the same to the byte.\n",
  );
});

Deno.test("unexpectedAnswers() names every path", () => {
  assertEquals(
    unexpectedAnswers([WRONG, compared("x", "a", "b")]).message,
    'Cannot confirm the rewriting: unexpected answer to "/latest/name", "/latest/x"',
  );
});
