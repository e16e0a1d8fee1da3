/**
 * The units of a machine config at boot: no reader ever sees the real region,
 * whatever the registry, the network and the proxy do.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { machineConfig, removal } from "../../lib/manifests/machine_config.ts";
import { renderYaml } from "../../lib/commands/manifests.ts";
import { type Boot, boot } from "../helpers/boot.ts";
import { type FakePodman, fakePodman } from "../helpers/fake_podman.ts";
import { installedProgram } from "../helpers/installed.ts";
import {
  createNode,
  EMULATED,
  NODE_NEEDS,
  REAL,
  type TestNode,
  until,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";
import { unitsOf } from "../helpers/units.ts";

const NEEDS = [
  ...NODE_NEEDS,
  { command: "setsid", from: "util-linux" },
  { command: "kill", from: "procps" },
  { python: "socketserver", from: "python3" },
];

const IMAGE = "registry.example.com/c2s-imds:1";

const REGION = "--region=us-east-1=us-iso-east-1";

/** What curl says when nobody listens, or who does dies within an answer. */
const REFUSED = /^curl (?:7|52|56)$/;

/** Every connection to PORT waits before it goes on to TO. */
const SLOW = `
import socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
def handle(client):
    time.sleep(float(sys.argv[3]))
    server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)
while True:
    threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()
`;

/** Boots a node from its machine config, as YAML has it. */
function bootWith(
  node: TestNode,
  podman: FakePodman,
  ...flags: readonly string[]
): Boot {
  const yaml = renderYaml([machineConfig("worker", {
    image: IMAGE,
    serve: ["serve", "--iptables", "--on-stop=keep", REGION, ...flags],
    check: [REGION],
    leaving: { onStop: "keep", onCrash: "keep" },
  })]);
  return boot(node, podman, unitsOf(yaml));
}

/** Waits until the gate is open. */
async function open(running: Boot): Promise<void> {
  await until("the open gate", () => running.isOpen());
  await running.opened;
}

/**
 * Waits until the client that nothing holds back sees the emulated region. It
 * never sees the real one again; what it is refused before, the guard refuses.
 */
async function showsEmulated(running: Boot): Promise<void> {
  await until(
    `${EMULATED} in ${running.seen().join(", ")}`,
    () => running.seen().at(-1) === EMULATED,
  );
  const regions = running.seen().filter((word) => !REFUSED.test(word))
    .filter((word, i, words) => word !== words[i - 1]);
  assertEquals(regions, [REAL, EMULATED]);
}

/** A reader behind the gate, root or not. */
async function read(node: TestNode): Promise<readonly string[]> {
  return [await node.see(0), await node.see(1000)];
}

/** A test of a node with Podman. */
function testGate(
  name: string,
  body: (
    node: TestNode,
    podman: FakePodman,
    t: Deno.TestContext,
  ) => Promise<void>,
): void {
  testWith(NEEDS)(name, async (t) => {
    const program = await installedProgram();
    await using node = await createNode();
    await using podman = await fakePodman(program);
    await body(node, podman, t);
  });
}

testGate(
  "the gate opens to the emulated region only, when pull and upstream are slow",
  async (node, podman, t) => {
    const behind = await node.start("simulate --listen 127.0.0.1:1340");
    await using _ = behind;
    const slow = node.namespace.spawn(
      ["/usr/bin/python3", "-c", SLOW, "1339", "1340", "0.4"],
    );
    await slow.shows(/^ready$/m);
    await podman.registry("silent");
    const before = await node.rules();
    await using running = bootWith(
      node,
      podman,
      "--upstream=http://127.0.0.1:1339",
      "--cache=0",
    );

    await t.step("no rule is there while the image is pulled", async () => {
      await until("a pull", async () => await podman.calls("pull") > 0);
      assertEquals(await node.leadsTo(), "");
      assert(!running.isOpen());
      assertEquals(running.seen().filter((word) => word !== REAL), []);
    });

    await t.step("behind the gate is the emulated region", async () => {
      await podman.registry("up");
      await open(running);
      assertEquals(await read(node), [EMULATED, EMULATED]);
    });

    await t.step("nobody saw anything else before", async () => {
      await showsEmulated(running);
    });

    await t.step("a restart opens no way to the real region", async () => {
      await running.stop();
      assertEquals(await read(node), ["refused", "refused"]);
      running.start();
      await showsEmulated(running);
      assertEquals(await podman.calls("pull"), 1);
    });

    await t.step("the documented removal puts the node back", async () => {
      await running.stop();
      await running.shell(removal(IMAGE));
      assertEquals(await read(node), [REAL, REAL]);
      assertEquals(await node.rules(), before);
    });
  },
);

testGate(
  "the gate holds while the pull fails, and can be opened by hand",
  async (node, podman) => {
    await podman.registry("down");
    await using running = bootWith(node, podman);
    await until("three pulls", async () => await podman.calls("pull") >= 3);
    await until("a look", async () => await podman.calls("exec") >= 3);
    assert(!running.isOpen());
    assertEquals(await node.leadsTo(), "");
    assertEquals(running.seen(), [REAL]);
    await running.shell("touch /run/c2s-imds-open");
    await open(running);
    assertEquals(await read(node), [REAL, REAL]);
    await podman.registry("up");
    await showsEmulated(running);
  },
);

testGate(
  "the gate holds while the proxy dies at start",
  async (node, podman) => {
    // Before it listens, at about that time, and with the rule in place.
    const lives = [0, 0.05, 0.2, 0.4, 0.8];
    await podman.crash(...lives);
    await using running = bootWith(node, podman);
    await until(
      "the start after the last crash",
      async () => await podman.calls("run") > lives.length,
    );
    await open(running);
    await until(
      "readers see the emulated region",
      async () => (await read(node)).every((word) => word === EMULATED),
    );
    await showsEmulated(running);
  },
);
