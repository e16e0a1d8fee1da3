import { assertEquals } from "@std/assert";
import {
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
  REGION,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const SERVICE = "http://[fd00:ec2::254]";

testWith(NODE_NEEDS)(
  "serve --iptables goes all the way over IPv6",
  async () => {
    await using node = await createNode();
    // Over IPv4 there is nothing: no answer can have come that way.
    await node.service.stop();
    await using _ = await node.start(
      "simulate --listen [fd00:ec2::254]:80 --listen-anywhere",
    );
    const before = await node.rules();
    assertEquals(await node.see(0, SERVICE + REGION), REAL);
    {
      await using program = await node.start(
        `serve --iptables --upstream ${SERVICE} --listen 127.0.0.1:4000 --listen [::1]:4006`,
      );
      assertEquals(program.urls, [
        "http://127.0.0.1:4000",
        "http://[::1]:4006",
      ]);
      for (const url of [SERVICE, "http://169.254.169.254", program.urls[1]]) {
        for (const uid of [0, 1000]) {
          assertEquals(await node.see(uid, url + REGION), EMULATED, url);
        }
      }
      assertEquals(await node.see(PROXY_UID, SERVICE + REGION), REAL);
      const { code, stdout } = await node.run(`check --url ${SERVICE}`);
      assertEquals(code, 0, stdout);
    }
    assertEquals((await node.run(`check --url ${SERVICE}`)).code, 1);
    assertEquals(await node.rules(), before);
  },
);
