import { assertEquals, assertStringIncludes } from "@std/assert";
import { BACKENDS } from "../../lib/rule/rule.ts";
import { iptablesWith, type Outcome } from "../helpers/iptables.ts";
import { startLabels } from "../helpers/labels.ts";
import { createNamespace, type Namespace } from "../helpers/namespace.ts";
import {
  askAs,
  installForeign,
  NODE_NEEDS,
  prime,
  rules,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

const SERVICE = "http://169.254.169.254/";
const SERVICE_IPV6 = "http://[fd00:ec2::254]/";
const PROXY = 10_169;
/** Another user with a proxy on port 4001. */
const SECOND = 990;

/** Runs `c2s-imds iptables` with its commands inside a namespace. */
function iptables(node: Namespace, line: string): Promise<Outcome> {
  return iptablesWith(node.runner, line);
}

/** A namespace with the real service, and the proxy on two ports. */
async function createNode(): Promise<Namespace> {
  const node = await createNamespace([
    "169.254.169.254/32",
    "10.9.8.7/32",
    "fd00:ec2::254/128",
  ]);
  try {
    await prime(node, "nft");
    await Promise.all([
      startLabels(node, 0, [
        "real 169.254.169.254 80",
        "real fd00:ec2::254 80",
      ]),
      startLabels(node, PROXY, ["proxy 127.0.0.1 4000", "proxy ::1 4000"]),
      startLabels(node, SECOND, ["second 127.0.0.1 4001"]),
    ]);
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
  return node;
}

/** How many jumps or tables of ours there are, by the backend's own listing. */
async function jumps(node: Namespace): Promise<number> {
  const listed = await rules(node);
  return listed.match(/-A OUTPUT .*-j C2S-IMDS$|^table \w+ c2s-imds/gm)
    ?.length ??
    0;
}

for (const backend of BACKENDS) {
  testWith(NODE_NEEDS)(
    `iptables redirects everyone but the proxy through a whole life (${backend})`,
    async (t) => {
      await using node = await createNode();
      const see = async (uid: number, url = SERVICE) =>
        await askAs(node, uid, url);
      const run = async (line: string) =>
        await iptables(node, `${line} --backend ${backend}`);
      await installForeign(node, backend);
      const before = await rules(node);

      await t.step("nothing is there", async () => {
        assertEquals((await run("status")).code, 1);
        assertEquals(await see(0), "real");
        const { code, stdout } = await run("remove");
        assertEquals([code, stdout], [0, "Nothing to remove\n"]);
      });

      await t.step("a dry run changes nothing", async () => {
        const { code, stdout } = await run("install --dry-run");
        assertEquals(code, 0);
        assertStringIncludes(stdout, "4000");
        assertEquals(await rules(node), before);
      });

      await t.step(
        "all but the proxy are redirected, IPv6 is refused",
        async () => {
          assertEquals((await run("install")).code, 0);
          assertEquals(await see(0), "proxy");
          assertEquals(await see(1000), "proxy");
          assertEquals(await see(PROXY), "real");
          assertEquals(await see(0, SERVICE_IPV6), "refused");
          assertEquals(await see(PROXY, SERVICE_IPV6), "real");
          assertEquals((await run("status")).code, 0);
          const once = await rules(node);
          assertEquals((await run("install")).code, 0);
          assertEquals(await rules(node), once);
        },
      );

      await t.step("IPv6 is redirected or left alone by its flag", async () => {
        assertEquals((await run("install --ipv6")).code, 0);
        assertEquals(await see(1000, SERVICE_IPV6), "proxy");
        assertEquals(await see(PROXY, SERVICE_IPV6), "real");
        assertEquals((await run("status --ipv6")).code, 0);
        assertEquals((await run("status")).code, 3);
        assertEquals((await run("install --ipv6=false")).code, 0);
        assertEquals(await see(1000, SERVICE_IPV6), "real");
        assertEquals((await run("status --ipv6=false")).code, 0);
        assertEquals((await run("install")).code, 0);
      });

      await t.step("port and uid change in place", async () => {
        const other = `--user ${SECOND} --port 4001`;
        assertEquals((await run(`install ${other}`)).code, 0);
        assertEquals(await see(0), "second");
        assertEquals(await see(SECOND), "real");
        assertEquals(await see(PROXY), "second");
        const drift = await run("status");
        assertEquals(drift.code, 3);
        assertStringIncludes(drift.stdout, `uid is ${SECOND}, expected 10169`);
        assertStringIncludes(drift.stdout, "port is 4001, expected 4000");
        assertEquals((await run(`status ${other}`)).code, 0);
      });

      await t.step(
        "a redirect without the proxy at its end is drift",
        async () => {
          // Who listens is the same question in every backend.
          if (backend !== "nft") return;
          await run("install --port 4002");
          const dead = await run("status --port 4002");
          assertEquals(dead.code, 3);
          assertStringIncludes(
            dead.stdout,
            "differs: nobody listens on 127.0.0.1:4002, requests are refused",
          );
          await run("install --port 4001");
          const squatted = await run("status --port 4001");
          assertEquals(squatted.code, 3);
          assertStringIncludes(
            squatted.stdout,
            `differs: uid ${SECOND} listens on 127.0.0.1:4001, expected uid 10169`,
          );
        },
      );

      await t.step("three installs at once leave one copy", async () => {
        await run("remove");
        const installs = [run("install"), run("install"), run("install")];
        const codes = await Promise.all(installs);
        assertEquals(codes.map(({ code }) => code), [0, 0, 0]);
        assertEquals((await run("status")).code, 0);
        assertEquals(await jumps(node), backend === "nftables" ? 2 : 3);
      });

      await t.step("a rule in another backend is drift and moves", async () => {
        const other = backend === "nft" ? "legacy" : "nft";
        await iptables(node, `install --backend ${other}`);
        const drift = await run("status");
        assertEquals(drift.code, 3);
        assertStringIncludes(drift.stdout, `IPv4, ${other}: -A OUTPUT`);
        const { stdout } = await run("install");
        assertStringIncludes(stdout, `Removed from the ${other} backend: IPv4`);
        assertEquals((await run("status")).code, 0);
        assertEquals(await see(0), "proxy");
      });

      await t.step(
        "removing leaves the tables as they were, twice",
        async () => {
          const { code, stdout } = await run("remove");
          assertEquals(code, 0);
          assertEquals(
            stdout,
            `Removed from the ${backend} backend: IPv6\nRemoved from the ${backend} backend: IPv4\n`,
          );
          assertEquals(await rules(node), before);
          assertEquals((await run("remove")).code, 0);
          assertEquals((await run("status")).code, 1);
          assertEquals(await see(0), "real");
        },
      );
    },
  );
}
