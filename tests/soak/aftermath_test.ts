import { assertEquals } from "@std/assert";
import { aftermaths, beyondChance } from "./aftermath.ts";

const RESTART = {
  name: "metadata service restarted",
  allowed: ["status 502"],
  from: 500,
  to: 1_000,
} as const;

function direct(from: number) {
  const path = "/latest/user-data";
  const what = "real" as const;
  return { client: "curl", what, from, to: from, at: from, path };
}

Deno.test("aftermaths() lasts ten seconds from the end of each restart", () => {
  const others = { ...RESTART, name: "reload" };
  assertEquals(
    aftermaths([RESTART, others]).map(({ from, to }) => [from, to]),
    [[1_000, 11_000]],
  );
});

Deno.test("beyondChance() tells of more connections than ports collide, whatever each asks", () => {
  const [fault = RESTART] = aftermaths([RESTART]);
  const after = (...starts: readonly number[]) => ({
    explained: [{ fault, failures: starts.map(direct) }],
    unexplained: [],
  });
  assertEquals(beyondChance(after(1, 1, 1, 1, 1, 1, 2, 3, 4, 5)), []);
  assertEquals(beyondChance(after(1, 2, 3, 4, 5, 6)), [
    "6 connections went direct after the service was restarted",
  ]);
});
