import { assert, assertEquals, assertMatch } from "@std/assert";
import { installedForFile } from "../helpers/installed.ts";
import { createNamespace } from "../helpers/namespace.ts";
import {
  asUser,
  createNode,
  EMULATED,
  NODE_NEEDS,
  PROXY_UID,
  REAL,
  until,
} from "../helpers/node.ts";
import { runProgram } from "../helpers/program.ts";
import { startSquatter } from "../helpers/squatter.ts";
import { testWith } from "../helpers/requires.ts";

const installed = installedForFile();

testWith(NODE_NEEDS)(
  "check sees the emulated region while serve --iptables runs, and only then",
  async () => {
    await using node = await createNode(await installed());
    const before = await node.run("check");
    assertEquals(before.code, 1);
    assertMatch(
      before.stdout,
      new RegExp(`^shows: +real region ${REAL}`, "m"),
    );
    assertMatch(
      before.stdout,
      /\nverdict: .*run c2s-imds serve --iptables as root\n$/,
    );

    const program = await node.start("serve --iptables");
    const root = await node.run("check");
    assertEquals(root.code, 0, root.stdout);
    assertMatch(
      root.stdout,
      /^rule: +installed, nft backend, guard and redirect to 127\.0\.0\.1:4000$/m,
    );
    const user = await node.run("check --json", {}, ...asUser(1000));
    assertEquals(user.code, 0, user.stdout);
    const report = JSON.parse(user.stdout);
    assertEquals(report.uid, 1000);
    assertEquals(report.sighting.region, EMULATED);
    assertEquals(report.rule.state, "unknown");
    const own = await node.run("check --wait 9", {}, ...asUser(PROXY_UID));
    assertEquals(own.code, 4);
    assertMatch(
      own.stdout,
      /\nverdict: +cannot tell: .*goes around the rule/,
    );

    await program.stop();
    const after = await node.run("check --json");
    assertEquals(after.code, 1);
    assertEquals(JSON.parse(after.stdout).rule.state, "absent");
  },
);

testWith(NODE_NEEDS)(
  "check --wait returns as soon as a late proxy and its rule are in place",
  async () => {
    await using node = await createNode(await installed());
    const asked = ["OUTPUT", "-d", "169.254.169.254", "-p", "tcp", "--syn"];
    await node.namespace.must(["iptables-nft", "-A", ...asked]);
    const checked = node.run("check --wait 25");
    const [{ code, stdout }, took] = await Promise.all([
      checked,
      (async () => {
        await until("check has asked in vain", async () => {
          const listed = await node.namespace.must(
            ["iptables-nft", "-nvxL", "OUTPUT"],
          );
          return /^ +[1-9]\d* .*169\.254/m.test(listed);
        });
        await using _ = await node.start("serve --iptables");
        const start = performance.now();
        await checked;
        return performance.now() - start;
      })(),
    ]);
    assertEquals(code, 0, stdout);
    assert(took < 5_000, `${took} ms after serve was up`);
  },
);

testWith(NODE_NEEDS)(
  "check tells which part is at fault while nobody repairs the rule",
  async (t) => {
    await using node = await createNode(await installed());
    await using _ = await node.start("serve", {}, ...asUser(PROXY_UID));
    await node.run("iptables install");
    const fault = async (verdict: RegExp) => {
      const { code, stdout } = await node.run("check");
      assertEquals(code, 1, stdout);
      assertMatch(stdout.trimEnd().split("\n").at(-1) ?? "", verdict);
    };
    const before = async (table: string, rule: string, verdict: RegExp) => {
      const change = (how: string) =>
        node.namespace.must(
          ["iptables-nft", "-t", table, how, ...rule.split(" ")],
        );
      await change("-I");
      await fault(verdict);
      await change("-D");
    };

    await t.step("an ACCEPT stands before the jump", async () => {
      await before(
        "nat",
        "OUTPUT -d 169.254.169.254 -j ACCEPT",
        /a rule of others takes the traffic: .*"-A OUTPUT -d 169\.254\.169\.254\/32 -j ACCEPT" stands before/,
      );
    });

    await t.step("a DNAT stands before the jump", async () => {
      await before(
        "nat",
        "OUTPUT -d 169.254.169.254 -p tcp -j DNAT --to-destination 127.0.0.1:9",
        /a rule of others takes the traffic: .*-j DNAT --to-destination 127\.0\.0\.1:9" stands before/,
      );
    });

    await t.step("somebody flushed the table", async () => {
      await node.namespace.must(["iptables-nft", "-t", "nat", "-F"]);
      await fault(
        /^verdict: +no: the rule is not as expected, .*; run c2s-imds iptables install/,
      );
      await node.run("iptables install");
    });

    await t.step("the firewall drops what was redirected", async () => {
      await before(
        "filter",
        "INPUT -i lo -s 169.254.169.254 -d 127.0.0.1 -j DROP",
        /what clients send does not arrive there; let INPUT accept/,
      );
    });

    await t.step("nothing, in the end", async () => {
      assertEquals((await node.run("check")).code, 0);
    });
  },
);

testWith(NODE_NEEDS)(
  "check reads the port in the rule, and names a stranger there",
  async () => {
    await using node = await createNode(await installed());
    {
      await using _ = await node.start(
        "serve --listen 127.0.0.1:4100",
        {},
        ...asUser(PROXY_UID),
      );
      await node.run("iptables install --port 4100");
      const fine = await node.run("check");
      assertEquals(fine.code, 0, fine.stdout);
      assertMatch(fine.stdout, /^rule: .*redirect to 127\.0\.0\.1:4100$/m);
    }
    const squatter = await startSquatter(node.namespace, 1000, 4100);
    await squatter.took();
    const { code, stdout } = await node.run("check");
    assertEquals(code, 1);
    assertMatch(
      stdout,
      /\nverdict: +no: .*uid 1000, python3.* \(pid \d+\) listens on 127\.0\.0\.1:4100; stop that program, then run/,
    );
  },
);

testWith(NODE_NEEDS)(
  "check says no while IPv6 shows the real region, and yes when the guard refuses it",
  async () => {
    await using node = await createNode(await installed());
    await using _ = await node.start(
      "simulate --listen [fd00:ec2::254]:80 --listen-anywhere",
    );
    await using __ = await node.start("serve", {}, ...asUser(PROXY_UID));
    await node.run("iptables install --ipv6=false");
    const open = await node.run("check");
    assertEquals(open.code, 1, open.stdout);
    assertMatch(open.stdout, /^IPv6: +real region us-east-1/m);
    assertMatch(open.stdout, /\nverdict: +no: clients that ask over IPv6 see/);
    await node.run("iptables install");
    const guarded = await node.run("check");
    assertEquals(guarded.code, 0, guarded.stdout);
    assertMatch(guarded.stdout, /^IPv6: +nothing, refused by the guard$/m);
  },
);

testWith(NODE_NEEDS)(
  "check warns of another process that runs as the proxy's user",
  async () => {
    await using node = await createNode(await installed());
    await using _ = await node.start("serve", {}, ...asUser(PROXY_UID));
    await node.run("iptables install");
    const { code, stdout } = await node.run("check");
    assertEquals([code, /^warning:/m.test(stdout)], [0, false], stdout);
    const other = node.namespace.spawn([
      ...asUser(PROXY_UID),
      ...["sh", "-c", "echo ready; exec sleep 60"],
    ]);
    await other.shows(/^ready$/m);
    assertMatch(
      (await node.run("check")).stdout,
      new RegExp(
        `^warning: +(sleep|sh) \\(pid ${other.pid}\\) runs as the proxy's user`,
        "m",
      ),
    );
    await node.namespace.must(["kill", `${other.pid}`]);
    await other.ended;
  },
);

testWith(NODE_NEEDS)(
  "check tells of a rule that exempts another than the proxy's user",
  async () => {
    await using node = await createNode(await installed());
    await using _ = await node.start("serve", {}, ...asUser(PROXY_UID));
    await node.run("iptables install --user 5");
    const { code, stdout } = await node.run("check");
    assertEquals(code, 1, stdout);
    assertMatch(stdout, /^rule: +drift, .*: uid is 5, expected 10169$/m);
    assertMatch(stdout, /\nverdict: +no: the rule is not as expected, /);
  },
);

testWith(NODE_NEEDS)("check tells of a rule without a proxy", async () => {
  await using node = await createNode(await installed());
  await node.run("iptables install");
  const dead = await node.run("check");
  assertEquals(dead.code, 1);
  assertMatch(
    dead.stdout,
    /\nverdict: +no: the rule redirects to 127\.0\.0\.1:4000, where nothing listens; run c2s-imds serve --iptables as root, or .* iptables remove\n$/,
  );
});

testWith(NODE_NEEDS)(
  "check asks the IPv6 address through the rule",
  async () => {
    await using node = await createNode(await installed());
    await using _ = await node.start(
      "serve --iptables --listen 127.0.0.1:4000 --listen [::1]:4000",
    );
    for (const flags of ["", " --url http://[fd00:ec2::254]"]) {
      const { code, stdout } = await node.run(`check${flags}`);
      assertEquals(code, 0, stdout);
      assertMatch(
        stdout,
        /^rule: +installed, nft backend, guard and redirect to 127\.0\.0\.1:4000$/m,
      );
    }
  },
);

testWith(NODE_NEEDS)(
  "check ends in time where no metadata service can be reached",
  async (t) => {
    const { command, env } = await installed();
    await using empty = await createNamespace();
    const check = async (flags: readonly string[] = []) => {
      const start = performance.now();
      const { code, stdout } = await runProgram(["check", ...flags], {
        namespace: empty.name,
        cwd: "/",
        command,
        env,
      });
      assertEquals(code, 1, stdout);
      return { stdout, took: performance.now() - start };
    };
    await t.step("no route", async () => {
      const { stdout } = await check();
      assertMatch(stdout, /^reachable: +no, no route \(ENETUNREACH\)$/m);
      assertMatch(stdout, /see ip route get 169\.254\.169\.254\n$/);
    });
    await empty.must([
      ...["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"],
    ]);
    await t.step("refused", async () => {
      assertMatch((await check()).stdout, /^reachable: +no, refused/m);
    });
    await t.step("dropped", async () => {
      await empty.must([
        ...["iptables-nft", "-A", "INPUT", "-d", "169.254.169.254"],
        ...["-j", "DROP"],
      ]);
      const { stdout, took } = await check(["--wait", "1.6"]);
      assertMatch(
        stdout,
        /^reachable: +no, timeout \(no answer within 1 s\)$/m,
      );
      assertMatch(stdout, /packets are dropped/);
      assert(took < 8_000, `${took} ms`);
    });
  },
);
