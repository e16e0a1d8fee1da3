import { assertEquals, assertMatch } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import {
  asUser,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
  type TestNode,
} from "../helpers/node.ts";
import { runProgram } from "../helpers/program.ts";
import { startSquatter } from "../helpers/squatter.ts";
import { testWith } from "../helpers/requires.ts";

/** Checks, and holds the exit code and the report to what is expected. */
async function shows(
  node: TestNode,
  code: number,
  ...patterns: readonly RegExp[]
): Promise<void> {
  const { code: ended, stdout } = await node.run("check");
  assertEquals(ended, code, stdout);
  for (const pattern of patterns) assertMatch(stdout, pattern);
}

testWith(NODE_NEEDS)(
  "check sees the emulated region while serve --iptables runs, and only then",
  async () => {
    await using node = await createNode();
    await shows(
      node,
      1,
      new RegExp(`^shows: +real region ${REAL}`, "m"),
      /\nverdict: .*run c2s-imds serve --iptables as root\n$/,
    );
    const program = await node.start(
      "serve --iptables --listen 127.0.0.1:4000 --listen [::1]:4000",
    );
    const rule =
      /^rule: +installed, nft backend, guard and redirect to 127\.0\.0\.1:4000$/m;
    await shows(node, 0, rule, new RegExp(`^IPv6: .* ${EMULATED}$`, "m"));
    const ipv6 = await node.run("check --url http://[fd00:ec2::254]");
    assertEquals(ipv6.code, 0, ipv6.stdout);
    assertMatch(ipv6.stdout, rule);
    const user = await node.run("check --json", {}, ...asUser(1000));
    assertEquals(user.code, 0, user.stdout);
    const report = JSON.parse(user.stdout);
    assertEquals(
      [report.uid, report.diagnosis.region, report.rule.state],
      [1000, EMULATED, "unknown"],
    );
    const own = await node.run("check --wait 9", {}, ...asUser(PROXY_UID));
    assertEquals(own.code, 4, own.stdout);
    await program.stop();
    await shows(node, 1, /^rule: +absent/m);
  },
);

testWith(NODE_NEEDS)(
  "check tells which part is at fault while nobody repairs the rule",
  async (t) => {
    await using node = await createNode();
    const serve = await node.start("serve", {}, ...asUser(PROXY_UID));
    const install = "iptables install";
    const before = async (table: string, rule: string, verdict: RegExp) => {
      const change = (how: string) =>
        node.namespace.must(
          ["iptables-nft", "-t", table, how, ...rule.split(" ")],
        );
      await change("-I");
      await shows(node, 1, verdict);
      await change("-D");
    };

    await t.step("IPv6 is not covered", async () => {
      await using _ = await node.start(
        "simulate --listen [fd00:ec2::254]:80 --listen-anywhere",
      );
      await node.run(`${install} --ipv6=false`);
      await shows(
        node,
        1,
        /^IPv6: +real region us-east-1/m,
        /\nverdict: +no: clients that ask over IPv6 see/,
      );
      await node.run(install);
      await shows(node, 0, /^IPv6: +nothing, refused by the guard$/m);
    });

    await t.step("a DNAT stands before the jump", async () => {
      await before(
        "nat",
        "OUTPUT -d 169.254.169.254 -p tcp -j DNAT --to-destination 127.0.0.1:9",
        /\nverdict: +no: a rule of others takes the traffic: .*-j DNAT --to-destination 127\.0\.0\.1:9" stands before/,
      );
    });

    await t.step("the rule of c2s-instance-metadata was left", async () => {
      await before(
        "nat",
        "OUTPUT -p tcp -m owner ! --uid-owner 1042 --dst 169.254.169.254 --dport 80 -j REDIRECT --to-ports 4000",
        /\nwarning: +another .* c2s-instance-metadata has one, redirects the proxy's own requests; (run iptables\S* -t nat -D OUTPUT .* ! --uid-owner 1042 .* --to-ports 4000)\n[^]*\nverdict: +no: a rule of others .*; \1\n$/,
      );
    });

    await t.step("the firewall drops what was redirected", async () => {
      await before(
        "filter",
        "INPUT -i lo -s 169.254.169.254 -d 127.0.0.1 -j DROP",
        /\nverdict: +no: .*does not arrive there; let INPUT accept/,
      );
    });

    await t.step("somebody flushed the table", async () => {
      await node.namespace.must(["iptables-nft", "-t", "nat", "-F"]);
      await shows(
        node,
        1,
        /\nverdict: +no: the rule is not as expected, .*; run c2s-imds iptables install/,
      );
      await node.run(install);
    });

    await t.step("another process runs as the proxy's user", async () => {
      const other = node.namespace.spawn([
        ...asUser(PROXY_UID),
        ...["sh", "-c", "echo ready; exec sleep 60"],
      ]);
      await other.shows(/^ready$/m);
      await shows(
        node,
        0,
        new RegExp(
          `^warning: +(sleep|sh) \\(pid ${other.pid}\\) runs as the proxy's user`,
          "m",
        ),
      );
      await node.namespace.must(["kill", `${other.pid}`]);
      await other.ended;
    });

    await t.step("nothing, in the end", async () => {
      const { code, stdout } = await node.run("check");
      assertEquals([code, /^warning:/m.test(stdout)], [0, false], stdout);
    });

    await t.step("there is no proxy", async () => {
      await serve.stop();
      await shows(
        node,
        1,
        /\nverdict: +no: the rule is for a proxy on 127\.0\.0\.1:4000, where nothing listens; run c2s-imds serve --iptables as root, or .* iptables remove\n$/,
      );
    });

    await t.step("somebody else has its port", async () => {
      const squatter = await startSquatter(node.namespace, 1000, 4000);
      await squatter.took();
      await shows(
        node,
        1,
        /\nverdict: +no: .*uid 1000, python3.* \(pid \d+\) listens on 127\.0\.0\.1:4000; stop that program, then run/,
      );
    });
  },
);

testWith(NODE_NEEDS)("check says where there is no route", async () => {
  await using empty = await createNamespace();
  const options = { namespace: empty.name, cwd: "/" };
  const { code, stdout } = await runProgram(["check"], options);
  assertEquals(code, 1, stdout);
  assertMatch(stdout, /^reachable: +no, no route \(ENETUNREACH\)$/m);
  assertMatch(stdout, /see ip route get 169\.254\.169\.254\n$/);
});
