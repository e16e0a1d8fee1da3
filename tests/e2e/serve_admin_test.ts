import { assert, assertEquals } from "@std/assert";
import {
  asUser,
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  type TestNode,
  until,
} from "../helpers/node.ts";
import { parsePrometheus } from "../helpers/prometheus.ts";
import { testWith } from "../helpers/requires.ts";

const ADMIN = "127.0.0.1:4001";
const READY = "proxy: ok\nupstream: ok\nrule: ok\n";

/** The status and the body of an answer to administrators. */
async function asked(
  { namespace }: TestNode,
  path: string,
  uid = 1000,
): Promise<readonly [status: string, body: string]> {
  const text = await namespace.must([
    ...asUser(uid),
    ...["curl", "--silent", "--max-time", "30", "--globoff"],
    ...["--write-out", "%{http_code}", `http://${ADMIN}${path}`],
  ]);
  return [text.slice(-3), text.slice(0, -3)];
}

/** The value of a metric without labels. */
async function sample(node: TestNode, metric: string): Promise<number> {
  const name = `c2s_imds_${metric}`;
  const [, body] = await asked(node, "/metrics");
  return parsePrometheus(body).get(name)?.samples.get(name) ?? NaN;
}

/** How often the rule was put back. */
function repairs(node: TestNode): Promise<number> {
  return sample(node, "rule_repairs_total");
}

/** Waits until it is ready, whatever it was. */
function untilReady(node: TestNode): Promise<void> {
  return until("it is ready", async () => {
    const [status, body] = await asked(node, "/readyz");
    return status === "200" && body === READY;
  });
}

/** Waits until it is not ready, for that reason: what is on its way may show. */
async function untilNotReady(node: TestNode, why: string): Promise<void> {
  let said = "";
  try {
    await until("it is not ready", async () => {
      const [status, body] = await asked(node, "/readyz");
      said = body;
      return status === "503" && body.includes(why);
    });
  } catch (error) {
    throw new Error(`It is not for "${why}" but "${said}"`, { cause: error });
  }
}

testWith(NODE_NEEDS)(
  "serve --iptables tells administrators of its upstream and its rule",
  async (t) => {
    await using node = await createNode();
    const before = await node.rules();
    await using program = await node.start(
      `serve --iptables --admin ${ADMIN}`,
    );
    await t.step("it is alive, and ready, as the proxy's user", async () => {
      assertEquals(await asked(node, "/healthz"), ["200", "ok\n"]);
      await untilReady(node);
      const sockets = await node.namespace.must(["cat", "/proc/net/tcp"]);
      const [, uid] =
        / 0100007F:0FA1 00000000:0000 0A \S+ \S+ \S+ +(\d+) /.exec(sockets) ??
          [];
      assertEquals(uid, `${PROXY_UID}`);
    });

    // It takes longer than until the parent's first look at the rule.
    await t.step(
      "a parent that does not answer leaves it unready",
      async () => {
        program.signal("SIGSTOP");
        await untilNotReady(
          node,
          "rule: not known, the parent does not answer\n",
        );
        assertEquals(await sample(node, "rule_in_place"), 0);
        program.signal("SIGCONT");
        await untilReady(node);
        assertEquals(await sample(node, "rule_in_place"), 1);
      },
    );

    let counted = 0;
    await t.step("a rule that is gone is put back, and counted", async () => {
      assertEquals(await repairs(node), counted);
      for (let times = 0; times < 2; times++) {
        await node.run("iptables remove");
        // More than one, where a look falls between its two tables.
        await until(
          "a repair is counted",
          async () => await repairs(node) > counted,
        );
        counted = await repairs(node);
      }
      await untilReady(node);
      assertEquals(await node.see(0), EMULATED);
    });

    // No look at a jump from OUTPUT finds these.
    await t.step(
      "what clients get is told, whatever the rules look like",
      async () => {
        const theirs = ["-p", "tcp", "-j", "DNAT", "--to", "127.0.0.1:9"];
        await node.namespace.must(["iptables", "-t", "nat", "-N", "THEIRS"]);
        await node.namespace.must(
          ["iptables", "-t", "nat", "-A", "THEIRS", ...theirs],
        );
        await node.namespace.must([
          ...["iptables", "-t", "nat", "-I", "OUTPUT", "-d", "169.254.169.254"],
          ...["-j", "THEIRS"],
        ]);
        await untilNotReady(
          node,
          "proxy: ok\nupstream: cannot be reached: ECONNREFUSED\nrule: 169.254.169.254:80 refuses connections\n",
        );
        for (const undo of ["-D OUTPUT 1", "-F THEIRS", "-X THEIRS"]) {
          await node.namespace.must(
            ["iptables", "-t", "nat", ...undo.split(" ")],
          );
        }
        await untilReady(node);
      },
    );

    await t.step("the next child knows of the repairs, too", async () => {
      const child = await childOf(program);
      assert(child !== undefined);
      Deno.kill(child, "SIGKILL");
      await program.logged(/the proxy listens again/);
      await until(
        "it knows",
        async () => await repairs(node) >= counted,
      );
      await untilReady(node);
    });

    await t.step("an upstream that is gone leaves it unready", async () => {
      await node.service.stop();
      await untilNotReady(
        node,
        "proxy: ok\nupstream: cannot be reached: ECONNREFUSED\nrule: ok\n",
      );
      assertEquals(await asked(node, "/healthz"), ["200", "ok\n"]);
    });
    const { code, stderr } = await program.stop();
    assertEquals(code, 0, stderr);
    assertEquals(await node.rules(), before);
  },
);
