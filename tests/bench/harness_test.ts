/**
 * The bench's own service and clients, which everything else is judged by.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Lab } from "../../bench/lab.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";

const AT = "127.0.0.1:81";

testWith([
  ...NAMESPACES,
  { command: "go", from: "go.dev" },
  { command: "curl", from: "curl" },
])(
  "the harness answers as the service does, and counts each answer that is not right",
  async (t) => {
    await using lab = await Lab.create();
    const service = await lab.service(AT, "1ms", "close");
    const [right] = await lab.load(
      ["-n=20", "-c=4", "-count", `-service=${AT}`, `-pids=${service.pid}`],
      [AT],
    );
    assertEquals([right?.failed, right?.up], [0, 20]);
    // No answer comes before its time.
    assert((right?.p50 ?? 0) > 0.001);
    assert((right?.cpu[0] ?? 0) > 0);
    await t.step("one that names the real region is not", async () => {
      const [wrong] = await lab.load(["-n=20", "-c=4"], [AT]);
      assertEquals([wrong?.failed, wrong?.up], [20, 0]);
    });
    await t.step("nor none at all", async () => {
      const [none] = await lab.load(["-n=20", "-c=4"], ["127.0.0.1:82"]);
      assertEquals(none?.failed, 20);
    });
    const ask = ["curl", "--silent", "--include", `http://${AT}/document`];
    const closing = await lab.namespace.must(ask);
    assertStringIncludes(closing, "\r\nServer: EC2ws\r\nConnection: close\r\n");
    await service.kill();
    await lab.service(AT, "1ms", "keep");
    const keeping = await lab.namespace.must(ask);
    assertEquals(keeping.replace("Connection: close\r\n", ""), keeping);
    assertEquals(keeping.split("\r\n\r\n")[1]?.length, 600);
  },
);
