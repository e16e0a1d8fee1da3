/**
 * A real node, from Ignition's first boot to the documented removal: systemd,
 * Podman and afterburn are the real ones.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { EMULATED, REAL } from "../helpers/node.ts";
import { EXECUTABLE, testWith } from "../helpers/requires.ts";
import { Host, HOST_NEEDS } from "./host.ts";
import { baseConfig } from "./rhcos.ts";
import {
  change,
  DAY,
  firewalls,
  MOMENTS,
  neverReal,
  plainHost,
  pod,
  PULLS,
  remove,
  runs,
  type Scene,
  sees,
  upgrade,
  workerConfig,
} from "./scenes.ts";
import { Site, SITE_NEEDS } from "./site.ts";

/** Waits until some pulls failed, while the gate holds everybody back. */
async function holds(node: Host): Promise<void> {
  await node.until(
    "failed pulls",
    async () => (await node.journal("c2s-imds")).split("Error: ").length > 2,
  );
  assertEquals(await node.seen("kubelet"), []);
  assertEquals(await node.seen("providerid"), []);
  assertEquals(await node.seen("hasty"), [REAL]);
  assert(!(await node.rules()).includes("C2S-IMDS"));
  await neverReal(node);
}

/** What RHCOS's own units keep. */
function nodeEnv(node: Host): Promise<string> {
  return node.must("cat", "/etc/kubernetes/node.env");
}

/** The scenes of a node that Ignition gave the units, in their order. */
const SCENES: Readonly<Record<string, Scene>> = {
  "first boot, the registry is away: the gate holds": async (node) => {
    await node.boot();
    await holds(node);
  },
  "the registry is back: readers see the region": async (node, site) => {
    await site.registryUp();
    await runs(node);
    await sees(node, EMULATED);
    await neverReal(node);
    // Behind the gate nobody had to ask twice.
    assertEquals(await node.seen("kubelet"), [EMULATED]);
    assertEquals(await node.seen("providerid"), [`${EMULATED}a`]);
    assertMatch(
      await node.journal("c2s-imds", "c2s-imds-gate", "kubelet"),
      /the proxy is in place[^]*\bverdict: +yes\b[^]*Started .*kubelet/,
    );
    assertMatch(
      await nodeEnv(node),
      /^KUBELET_PROVIDERID=aws:\/\/\/us-iso-east-1a/m,
    );
    const burnt = await node.must("cat", "/run/metadata/afterburn");
    assertMatch(burnt, /^AFTERBURN_AWS_REGION=us-iso-east-1$/m);
    assertMatch(burnt, /^AFTERBURN_AWS_AVAILABILITY_ZONE=us-iso-east-1a$/m);
    // The cluster's HTTP proxy is for the pull alone.
    const container = ["podman", "exec", "c2s-imds"];
    const environment = await node.must(...container, "cat", "/proc/1/environ");
    assert(!environment.includes("HTTPS_PROXY"), environment);
  },
  "a day": async (node, site) => {
    for (const [name, scene] of Object.entries(DAY)) {
      await scene(node, site).catch((cause) => {
        throw new Error(name, { cause });
      });
      await sees(node, EMULATED);
    }
    await neverReal(node);
  },
  "firewalls flush all tables: it is put back": firewalls,
  "second boot, no registry": async (node, site) => {
    await node.powerOff();
    await site.registryDown();
    await node.boot();
    await runs(node);
    await sees(node, EMULATED);
    await neverReal(node);
  },
  "power cuts at ten moments of a boot": async (node, site) => {
    for (const [moment, noticed] of Object.entries(MOMENTS)) {
      await node.cut();
      await site.registryDown();
      await site.registryUp();
      if (PULLS.includes(moment)) await node.losesImages();
      await node.boot();
      await node.until(moment, () => noticed(node, site));
      await neverReal(node);
    }
    await node.cut();
    await node.boot();
    await runs(node);
    await sees(node, EMULATED);
    await neverReal(node);
  },
  "the documented removal": remove,
  "the DaemonSet's pod": pod,
  "the plain host's unit": plainHost,
  "from 0.1.0 to this version, and back": upgrade,
};

/** A node that was given an image that is not there, until it is corrected. */
const WRONG: Readonly<Record<string, Scene>> = {
  "a wrong image: the gate holds": async (node) => {
    await node.boot();
    await holds(node);
  },
  "opened by hand: kubelet starts without it": async (node) => {
    await node.must("touch", "/run/c2s-imds-open");
    await node.until(
      "kubelet",
      async () => (await node.seen("kubelet")).includes(REAL),
    );
  },
  "corrected, with a reboot": async (node, site) => {
    await change(node, site.images[0]);
    await node.powerOff();
    await node.boot();
    await runs(node);
    await sees(node, EMULATED);
    await neverReal(node);
    // As docs/troubleshooting.md says.
    assertMatch(
      await nodeEnv(node),
      /^KUBELET_PROVIDERID=aws:\/\/\/us-east-1a/m,
    );
  },
};

testWith([EXECUTABLE, ...SITE_NEEDS, ...HOST_NEEDS])(
  "a node never shows the real region",
  async (t) => {
    await using site = await Site.create();
    const wrong = `${site.images[0]?.slice(0, -64)}${"0".repeat(64)}`;
    for (
      const [image, scenes] of [[site.images[0], SCENES], [
        wrong,
        WRONG,
      ]] as const
    ) {
      const config = baseConfig(site.ca, await workerConfig(image));
      await using node = await Host.install(site, config);
      for (const [name, scene] of Object.entries(scenes)) {
        // What it starts goes on in the next one.
        const fn = () => scene(node, site);
        const [sanitizeOps, sanitizeResources] = [false, false];
        if (!await t.step({ name, fn, sanitizeOps, sanitizeResources })) return;
      }
    }
  },
);
