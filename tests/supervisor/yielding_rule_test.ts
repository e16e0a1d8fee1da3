import { assertEquals, assertRejects } from "@std/assert";
import type { RedirectTarget } from "../../lib/rule/rule.ts";
import { RivalError } from "../../lib/supervisor/rule_keeper.ts";
import { yieldingRule } from "../../lib/supervisor/yielding_rule.ts";

/** A rule that notes what is done to it, and whom it leads to. */
function createRule() {
  const done: string[] = [];
  const world: { rival: RedirectTarget | undefined } = { rival: undefined };
  const note = (what: string) => {
    done.push(what);
    return Promise.resolve();
  };
  const rule = yieldingRule(
    {
      install: (ports: unknown) => note(`install ${JSON.stringify(ports)}`),
      block: () => note("block"),
      remove: () => note("remove"),
      verify: () => note("verify"),
      repair: () => note("repair"),
      rival: (own: unknown) => {
        done.push(`look ${JSON.stringify(own)}`);
        return Promise.resolve(world.rival);
      },
    } as unknown as Parameters<typeof yieldingRule>[0],
  );
  return { rule, done, world };
}

Deno.test("yieldingRule() looks for a rival before each change, but not before it blocks", async () => {
  const { rule, done } = createRule();
  await rule.install({ ip: 4000 });
  await rule.verify();
  await rule.repair();
  await rule.block();
  await rule.remove();
  assertEquals(done, [
    ...['look {"ip":4000}', 'install {"ip":4000}'],
    ...['look {"ip":4000}', "verify"],
    ...['look {"ip":4000}', "repair"],
    "block",
    ...['look {"ip":4000}', "remove"],
  ]);
});

Deno.test("yieldingRule() touches nothing when the rule leads to a rival", async () => {
  const { rule, done, world } = createRule();
  world.rival = { port: 4001, uid: 10169 };
  const error = await assertRejects(
    () => rule.install({ ip: 4000 }),
    RivalError,
  );
  assertEquals(
    error.message,
    "Cannot take the rule: it leads to port 4001, where another proxy listens as uid 10169, stop that one first",
  );
  await assertRejects(() => rule.verify(), RivalError, "Cannot look after");
  await assertRejects(() => rule.repair(), RivalError, "Cannot repair");
  await assertRejects(() => rule.remove(), RivalError, "Cannot remove");
  await assertRejects(() => rule.block(), RivalError);
  assertEquals(done.filter((what) => !what.startsWith("look")), []);
  world.rival = undefined;
  await rule.repair();
  await rule.block();
  assertEquals(done.slice(-2), ["repair", "block"]);
});
