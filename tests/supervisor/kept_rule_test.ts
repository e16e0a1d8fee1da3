import { assertEquals, assertRejects } from "@std/assert";
import { createLog } from "../../lib/system/log.ts";
import { KeptRule } from "../../lib/supervisor/kept_rule.ts";
import type { RuleKeeper } from "../../lib/supervisor/rule_keeper.ts";

const PORTS = { ip: 4000 };
const APPLIED = { removed: [], warnings: [] };

/** A rule that finds what the last call left. */
class FakeRule implements RuleKeeper {
  readonly calls: string[] = [];
  mayStand = false;
  fails = false;
  #state: "installed" | "absent" = "absent";
  async install() {
    this.#state = "installed";
    await this.#called("install");
    return APPLIED;
  }
  async block() {
    this.#state = "installed";
    await this.#called("block");
    return APPLIED;
  }
  async remove() {
    this.#state = "absent";
    await this.#called("remove");
    return [];
  }
  async verify() {
    await this.#called("verify");
    return this.#state;
  }
  async repair() {
    await this.#called("repair");
    return this.#state;
  }
  stranger(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  #called(what: string): Promise<void> {
    this.calls.push(what);
    return this.fails && what === "install"
      ? Promise.reject(new Error("no"))
      : Promise.resolve();
  }
}

for (const came of [true, false]) {
  Deno.test(`KeptRule leaves what an installation that failed ${came ? "brought" : "did not bring"} into the kernel`, async () => {
    const fake = new FakeRule();
    fake.fails = true;
    fake.mayStand = came;
    const log = createLog({ level: "warn", format: "text", write: () => {} });
    const rule = new KeptRule(fake, log);
    await assertRejects(() => rule.install(PORTS), Error, "no");
    const { signal } = new AbortController();
    assertEquals(await rule.leave("remove", signal), true);
    assertEquals(fake.calls, came ? ["install", "remove"] : ["install"]);
  });
}

for (const how of ["keep", "remove"] as const) {
  Deno.test(`KeptRule is not in place, and nothing is repaired, while it is left (${how})`, async () => {
    const lines: string[] = [];
    const log = createLog({
      level: "warn",
      format: "text",
      write: (line) => lines.push(line),
    });
    const fake = new FakeRule();
    const rule = new KeptRule(fake, log);
    await rule.install(PORTS);
    await rule.leaveForNow(how, new AbortController().signal);
    assertEquals(await rule.fault(), "not in place yet");
    await rule.repair();
    const left = how === "keep" ? "block" : "remove";
    assertEquals(fake.calls, ["install", left]);
    assertEquals([rule.tally.repairs, lines], [0, []]);
    await rule.install(PORTS);
    await rule.repair();
    assertEquals(fake.calls, ["install", left, "install", "repair"]);
  });
}
