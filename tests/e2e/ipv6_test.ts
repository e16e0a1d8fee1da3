import { assertEquals, assertMatch } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import {
  BACKENDS,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
  REGION,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

const SERVICE = "http://[fd00:ec2::254]";

for (const backend of BACKENDS) {
  testWith(NODE_NEEDS)(
    `serve --iptables goes all the way over IPv6 (${backend})`,
    async () => {
      await using node = await createNode(await installed(), backend);
      // Over IPv4 there is nothing: no answer can have come that way.
      await node.service.stop();
      await using _ = await node.start(
        "simulate --listen [fd00:ec2::254]:80 --listen-anywhere",
      );
      const before = await node.rules();
      assertEquals(await node.see(0, `${SERVICE}${REGION}`), REAL);
      {
        await using program = await node.start(
          `serve --iptables --upstream ${SERVICE} --listen 127.0.0.1:4000 --listen [::1]:4000`,
        );
        assertEquals(program.urls, [
          "http://127.0.0.1:4000",
          "http://[::1]:4000",
        ]);
        const urls = [
          SERVICE,
          "http://169.254.169.254",
          "http://[::1]:4000",
        ];
        for (const url of urls) {
          const seen = await Promise.all(
            [0, 1000].map((uid) => node.see(uid, url + REGION)),
          );
          assertEquals(seen, [EMULATED, EMULATED], url);
        }
        assertEquals(await node.see(PROXY_UID, SERVICE + REGION), REAL);
        for (const url of [SERVICE, "http://[::1]:4000"]) {
          const { code, stdout } = await node.run(`check --url ${url}`);
          assertEquals(code, 0, stdout);
          assertMatch(stdout, /us-iso-east-1/);
        }
      }
      const { code, stdout } = await node.run(`check --url ${SERVICE}`);
      assertEquals(code, 1, stdout);
      assertMatch(stdout, /us-east-1/);
      assertEquals(await node.rules(), before);
    },
  );
}

testWith(NODE_NEEDS)(
  "serve answers 508 over IPv6 when the rule does not exempt it",
  async () => {
    await using node = await createNode(await installed());
    await using _ = await node.start(
      `serve --upstream ${SERVICE} --listen 127.0.0.1:4000 --listen [::1]:4000`,
    );
    await node.namespace.must([
      ...["ip6tables-nft", "-t", "nat", "-A", "OUTPUT", "-d", "fd00:ec2::254"],
      ...["-p", "tcp", "--dport", "80", "-j", "REDIRECT", "--to-ports", "4000"],
    ]);
    const url = `${SERVICE}${REGION}`;
    assertMatch(await node.see(1000, url), /^c2s-imds: Loop detected: /);
  },
);
