import { createNode, NODE_NEEDS } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";
import { CLIENTS, runClient } from "./clients.ts";
import { assertSaw } from "./comparison.ts";

/** CloudStack's datasource asks its router, which no rule catches. */
const REDIRECTED = CLIENTS.filter(({ data }) => data === undefined);

testWith([...NODE_NEEDS, ...REDIRECTED.flatMap(({ needs }) => needs)])(
  "real clients see the emulated region at the address they ask by default",
  async (t) => {
    await using node = await createNode();
    await using _program = await node.start("serve --iptables");
    const seen = await Promise.all(
      REDIRECTED.map((client) => runClient(client, node.namespace)),
    );
    for (const [i, client] of REDIRECTED.entries()) {
      await t.step(client.name, () => assertSaw(client, seen[i] ?? null));
    }
  },
);
