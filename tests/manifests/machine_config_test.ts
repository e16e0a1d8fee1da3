import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import {
  gateUnit,
  machineConfig,
  type NodeUnit,
  parsePool,
  proxyUnit,
} from "../../lib/manifests/machine_config.ts";

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
      labels: { "machineconfiguration.openshift.io/role": "infra" },
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
