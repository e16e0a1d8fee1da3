import { assertEquals } from "@std/assert";
import { MAX_IN_FLIGHT, MAX_OF_A_USER } from "../../lib/proxy/places.ts";
import { asUser, until } from "../helpers/node.ts";
import { ask, get } from "../helpers/raw.ts";
import { ROOT, testWith } from "../helpers/requires.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { Crowd, CROWD_NEEDS } from "./crowd.ts";
import { startServed } from "./served.ts";

const NEEDS = [
  ROOT,
  ...CROWD_NEEDS,
  { command: "setpriv", from: "util-linux" },
  { command: "curl", from: "curl" },
];

testWith(NEEDS)(
  "serve answers others while 1,024 requests of one user hang",
  async () => {
    const open = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async ({ target }, to) => {
      if (target === "/hang") await open.promise;
      await to.write(answer("us-east-1"));
    });
    await using served = await startServed(upstream.address, ["--cache=0"]);
    await using crowd = new Crowd(served.address, asUser(12_001));
    try {
      assertEquals(await crowd.connect(MAX_IN_FLIGHT), MAX_IN_FLIGHT);
      await crowd.send(get("/hang"));
      let refused = 0;
      await until("the rest are refused", async () => {
        refused += (await crowd.answers(100))["503"] ?? 0;
        return refused === MAX_IN_FLIGHT - MAX_OF_A_USER;
      });
      const { hostname, port } = served.address;
      const [command = "", ...args] = [
        ...[...asUser(12_002), "curl", "--silent"],
        `http://${hostname}:${port}/latest/meta-data/placement/region`,
      ];
      const { stdout } = await new Deno.Command(command, { args }).output();
      assertEquals(new TextDecoder().decode(stdout), "us-iso-east-1");
      // This test is root.
      assertEquals((await ask(served.address, get("/b"))).status, 200);
    } finally {
      open.resolve();
    }
    let answered = 0;
    await until("those that hung are answered", async () => {
      answered += (await crowd.answers(100))["200"] ?? 0;
      return answered === MAX_OF_A_USER;
    });
    await crowd.close("in order");
  },
);
