import { labels } from "../../lib/manifests/unit_settings.ts";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import {
  gateUnit,
  machineConfig,
  type NodeUnit,
  parsePool,
  proxyUnit,
} from "../../lib/manifests/machine_config.ts";

import { runToEnd } from "../helpers/plain_runner.ts";
import { testWith } from "../helpers/requires.ts";

const PARTS = {
  image: "registry.example.com/c2s-imds:1",
  serve: ["serve", "--iptables", "--on-stop=keep"],
  check: ["--region=a=b"],
  leaving: { onStop: "keep", onCrash: "keep" },
} as const;

Deno.test("machineConfig() is of its pool, and holds two enabled units as Ignition 3.2.0 has them", () => {
  const unit = ({ name, contents }: NodeUnit) => {
    // Else to enable it changes nothing.
    assertMatch(contents, /^\[Install\]$/m);
    return { name, enabled: true, contents };
  };
  assertEquals(machineConfig("infra", PARTS), {
    apiVersion: "machineconfiguration.openshift.io/v1",
    kind: "MachineConfig",
    metadata: {
      labels: {
        "machineconfiguration.openshift.io/role": "infra",
        ...labels("proxy"),
      },
      name: "99-infra-c2s-imds",
    },
    spec: {
      config: {
        ignition: { version: "3.2.0" },
        systemd: { units: [gateUnit(PARTS), proxyUnit(PARTS)].map(unit) },
      },
    },
  });
});

testWith([{ command: "ignition-validate", from: "ignition" }])(
  "Ignition has nothing to say against a machine config, unless it is broken",
  async () => {
    const { spec } = machineConfig("worker", PARTS) as {
      spec: { config: unknown };
    };
    const text = JSON.stringify(spec.config);
    const validate = (text: string) =>
      runToEnd(["ignition-validate", "-"], text);
    const { code, stdout, stderr } = await validate(text);
    assertEquals([code, stdout, stderr], [0, "", ""]);
    const broken = text.replace("c2s-imds-gate.service", "c2s-imds-gate");
    assertEquals((await validate(broken)).code, 1);
  },
);

Deno.test("parsePool() takes any DNS label, and nothing else", () => {
  const pool = (text: string) => parsePool({ text, source: "--role" });
  for (const text of ["worker", "a", "gpu-2", "0a", "x".repeat(63)]) {
    assertEquals(pool(text), text);
  }
  const others = ["Worker", "-a", "a-", "a.b", "a_b", "a b", "a\n", "../a"];
  for (const text of [...others, "x".repeat(64)]) {
    assertThrows(() => pool(text), UsageError, "the name of a pool");
  }
});
