import { assertEquals } from "@std/assert";
import { MAX_IN_FLIGHT, MAX_OF_A_USER } from "../../lib/proxy/places.ts";
import { Crowd, CROWD_NEEDS } from "../reliability/crowd.ts";
import { inNamespace } from "../helpers/namespace.ts";
import { REPOSITORY } from "../helpers/files.ts";
import {
  asUser,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  until,
} from "../helpers/node.ts";
import { get } from "../helpers/raw.ts";
import { testWith } from "../helpers/requires.ts";

const SERVICE = { hostname: "169.254.169.254", port: 80 };

/** How many are refused: a user has a quarter of the places. */
const REFUSED = MAX_IN_FLIGHT - MAX_OF_A_USER;

/** How long a busy machine may take, in milliseconds: for one crowd, for all. */
const [CROWD_MS, PATIENCE_MS] = [30_000, 300_000];

testWith([...NODE_NEEDS, ...CROWD_NEEDS])(
  "serve --iptables answers others while 1,024 redirected requests of one user hang",
  async () => {
    await using node = await createNode();
    // The proxy's user alone gets past the rule.
    const service = node.namespace.spawn([
      ...[...asUser(PROXY_UID), "/usr/bin/python3", "-c"],
      Deno.readTextFileSync(new URL("tests/clients/service.py", REPOSITORY)),
      ...["--tree=http://169.254.169.254", "--listen=127.0.0.1:1338"],
      "--hang=/hang",
    ]);
    await service.shows(/listening/);
    await using program = await node.start(
      "serve --iptables --cache 0 --timeout 600 --upstream http://127.0.0.1:1338",
    );
    await using crowd = new Crowd(SERVICE, [
      ...inNamespace(node.namespace.name),
      ...asUser(12_001),
    ]);
    await until("a user has a quarter of the places", async () => {
      assertEquals(await crowd.connect(MAX_IN_FLIGHT), MAX_IN_FLIGHT);
      await crowd.send(get("/hang"));
      const { 503: refused } = await crowd.answers(CROWD_MS, REFUSED);
      if (refused === REFUSED) return true;
      // A parent that is too busy to say who asks leaves them all places.
      await crowd.close("with a reset");
      return false;
    }, PATIENCE_MS);
    assertEquals(await node.see(12_002), EMULATED);
    assertEquals(await node.see(0), EMULATED);
    assertEquals(await crowd.answers(1), { nothing: MAX_IN_FLIGHT });
    await crowd.close("with a reset");
    assertEquals((await program.stop()).code, 0);
  },
);
