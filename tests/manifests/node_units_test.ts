import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  gateUnit,
  proxyUnit,
  removal,
} from "../../lib/manifests/machine_config.ts";
import { testWith } from "../helpers/requires.ts";
import { SYSTEMD_ANALYZE, verifyUnits } from "../helpers/systemd_analyze.ts";
import { parseUnit, valuesOf } from "../helpers/units.ts";

const IMAGE = `registry.example.com/c2s-imds@sha256:${"0".repeat(64)}`;

const PARTS = {
  image: IMAGE,
  serve: ["serve", "--iptables", "--on-stop=keep", "--region=a=b"],
  check: ["--region=a=b"],
  leaving: { onStop: "keep", onCrash: "keep" },
} as const;

const proxy = parseUnit(proxyUnit(PARTS).contents);
const gate = parseUnit(gateUnit(PARTS).contents);

/** Those who must not read the real region, kubelet last. */
const READERS = [
  "afterburn.service",
  "aws-kubelet-nodename.service",
  "aws-kubelet-providerid.service",
  "kubelet.service",
];

Deno.test("gateUnit() stands before every reader and is pulled in by each", () => {
  const [before = ""] = valuesOf(gate, "[Unit] Before");
  assertEquals(
    before.split(" ").filter((name) => name !== "kubelet-dependencies.target"),
    READERS,
  );
  assertStringIncludes(before, "kubelet-dependencies.target");
  assertEquals(valuesOf(gate, "[Install] WantedBy"), [
    ["multi-user.target", ...READERS].join(" "),
  ]);
});

Deno.test("gateUnit() never fails by itself and never requires", () => {
  assertEquals(valuesOf(gate, "[Service] Type"), ["oneshot"]);
  assertEquals(valuesOf(gate, "[Service] RemainAfterExit"), ["yes"]);
  assertEquals(valuesOf(gate, "[Service] TimeoutStartSec"), ["infinity"]);
  // The systemd of RHEL 8 refuses a oneshot with Restart=.
  assertEquals(valuesOf(gate, "[Service] Restart"), []);
  assert(!gate.some(([key]) => /Requi/.test(key)));
});

Deno.test("the gate waits for nothing that could keep it from being opened, and the proxy for nothing that the gate holds", () => {
  // Kubelet waits for that, too.
  assertEquals(valuesOf(gate, "[Unit] After"), ["crio-wipe.service"]);
  assertEquals(valuesOf(proxy, "[Unit] Before"), []);
  for (const key of ["[Unit] Wants", "[Unit] After"]) {
    assertEquals(valuesOf(proxy, key), [
      "NetworkManager-wait-online.service crio-wipe.service",
    ]);
  }
});

Deno.test("proxyUnit() is started again for ever and stops after the drain", () => {
  for (
    const [key, value] of [
      ["[Unit] StartLimitIntervalSec", "0"],
      ["[Service] OOMPolicy", "continue"],
      ["[Service] OOMScoreAdjust", "-999"],
      ["[Service] KillMode", "mixed"],
      ["[Service] TimeoutStopSec", "30"],
    ] as const
  ) assertEquals(valuesOf(proxy, key), [value]);
  assertMatch(valuesOf(proxy, "[Service] ExecStop")[0] ?? "", /--time=20 /);
});

Deno.test("proxyUnit() pulls with the node's secret, runs with four capabilities", () => {
  const [pull = ""] = valuesOf(proxy, "[Service] ExecStartPre");
  assertStringIncludes(pull, `until podman image exists ${IMAGE} || `);
  assertStringIncludes(pull, "--authfile=/var/lib/kubelet/config.json");
  const [run = ""] = valuesOf(proxy, "[Service] ExecStart");
  assertStringIncludes(
    run,
    "--cap-drop=all --cap-add=NET_ADMIN,SETUID,SETGID,KILL ",
  );
  assertStringIncludes(run, " --ulimit=nofile=16384:16384 ");
  assertStringIncludes(run, " --memory=512m --oom-score-adj=-999 ");
  assert(run.endsWith(` ${IMAGE} ${PARTS.serve.join(" ")}`));
});

Deno.test("proxyUnit() has a container of its own remove the rule after a crash", () => {
  const post = (onCrash: "keep" | "remove") =>
    valuesOf(
      parseUnit(
        proxyUnit({ ...PARTS, leaving: { onStop: "keep", onCrash } }).contents,
      ),
      "[Service] ExecStopPost",
    );
  assertEquals(post("keep"), []);
  assertEquals(post("remove"), [
    `/bin/sh -c '[ "$$SERVICE_RESULT" = success ] || exec /usr/bin/${
      removal(IMAGE)
    }'`,
  ]);
});

Deno.test("proxyUnit() tells how to take the rule away", () => {
  assertStringIncludes(proxyUnit(PARTS).contents, `#   ${removal(IMAGE)}\n`);
});

Deno.test("no unit has a percent sign or a dollar, which systemd would expand", () => {
  for (const { contents } of [proxyUnit(PARTS), gateUnit(PARTS)]) {
    assert(!/[%$]/.test(contents), contents);
  }
});

testWith(SYSTEMD_ANALYZE)(
  "systemd has nothing to say against the units of a node",
  async () => {
    const units = [proxyUnit(PARTS), gateUnit(PARTS)]
      .map(({ name, contents }) => [name, contents] as const);
    assertEquals(await verifyUnits(Object.fromEntries(units)), "");
  },
);
