import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/config/usage_error.ts";
import {
  machineConfig,
  parsePool,
} from "../../lib/manifests/machine_config.ts";
import { renderYaml } from "../../lib/manifests/yaml.ts";
import { unitsOf } from "../helpers/units.ts";
import { ignitionErrors } from "./ignition_3_2.ts";

const PARTS = {
  image: "registry.example.com/c2s-imds:1",
  serve: ["serve", "--iptables", "--on-stop=keep"],
  check: ["--region=a=b"],
  leaving: { onStop: "keep", onCrash: "keep" },
} as const;

/** The most bytes a rendered config may have. */
const LIMIT = 1_572_864;

function config() {
  return machineConfig("infra", PARTS) as {
    apiVersion: string;
    kind: string;
    metadata: { name: string; labels: Record<string, string> };
    spec: { config: unknown };
  };
}

Deno.test("machineConfig() is of the pool it is made for", () => {
  const { apiVersion, kind, metadata, spec } = config();
  assertEquals(apiVersion, "machineconfiguration.openshift.io/v1");
  assertEquals(kind, "MachineConfig");
  assertEquals(metadata, {
    labels: { "machineconfiguration.openshift.io/role": "infra" },
    name: "99-infra-c2s-imds",
  });
  assertEquals(Object.keys(spec), ["config"]);
});

Deno.test("machineConfig() holds to Ignition 3.2.0 as OpenShift takes it", () => {
  assertEquals(ignitionErrors(config().spec.config), []);
});

Deno.test("machineConfig() enables the gate and the proxy, and fits", () => {
  const yaml = renderYaml([config()]);
  assertEquals(
    unitsOf(yaml).map(({ name, enabled }) => [name, enabled]),
    [["c2s-imds-gate.service", true], ["c2s-imds.service", true]],
  );
  assert(yaml.length < LIMIT / 100);
});

const IGNITION = { version: "3.2.0" };

for (
  const [wrong, error] of [
    [{}, "config.ignition is missing"],
    [{ ignition: { version: "3.4.0" } }, "ignition.version is not 3.2.0"],
    [
      { ignition: IGNITION, passwd: {} },
      "config.passwd is refused by OpenShift",
    ],
    [
      { ignition: IGNITION, kernelArguments: {} },
      "config.kernelArguments is unknown",
    ],
    [
      { ignition: IGNITION, storage: { links: [] } },
      "config.storage.links is refused by OpenShift",
    ],
    [
      {
        ignition: IGNITION,
        storage: { files: [{ path: "/a", mode: "0644" }] },
      },
      "config.storage.files[0].mode is no decimal mode",
    ],
    [
      { ignition: IGNITION, storage: { files: [{ path: "/a", append: [] }] } },
      "config.storage.files[0].append is refused by OpenShift",
    ],
    [
      { ignition: IGNITION, systemd: { units: [{ name: "a" }] } },
      "config.systemd.units[0].name is no unit name",
    ],
    [
      {
        ignition: IGNITION,
        systemd: {
          units: [{ name: "a.service", enabled: true, contents: "" }],
        },
      },
      "a.service is enabled without [Install]",
    ],
    [
      {
        ignition: IGNITION,
        systemd: { units: [{ name: "a.service" }, { name: "a.service" }] },
      },
      "a.service stands twice",
    ],
  ] as const
) {
  Deno.test(`ignitionErrors() sees that ${error}`, () => {
    assertEquals(ignitionErrors(wrong), [error]);
  });
}

const pool = (text: string) => parsePool({ text, source: "--role" });

Deno.test("parsePool() takes any DNS label", () => {
  for (const text of ["worker", "a", "gpu-2", "0a", "x".repeat(63)]) {
    assertEquals(pool(text), text);
  }
});

Deno.test("parsePool() refuses what is none", () => {
  for (
    const text of [
      "Worker",
      "-a",
      "a-",
      "a.b",
      "a_b",
      "a b",
      "a\n",
      "../a",
      "x".repeat(64),
    ]
  ) {
    assertThrows(() => pool(text), UsageError, "the name of a pool");
  }
});
