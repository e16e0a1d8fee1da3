import { assert, assertEquals } from "@std/assert";
import { viewNode } from "../../lib/cloudstack/node_view.ts";
import { systemRunner } from "../../lib/system/system_runner.ts";

Deno.test("viewNode() sees files, the kernel's too, and names", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/b`, "text");
    await Deno.mkdir(`${folder}/a`);
    const view = viewNode(systemRunner);
    assertEquals(await view.list(folder), ["a", "b"]);
    assertEquals(
      await view.read(`${folder}/b`),
      new TextEncoder().encode("text"),
    );
    const state = await view.stat(`${folder}/b`);
    assertEquals(state?.size, 4);
    assert(Math.abs((state?.modifiedMs ?? 0) - view.now()) < 60_000);
    assertEquals(await view.readKernel("/sys/class/net/lo/ifindex"), "1\n");
    assertEquals(await view.resolve("localhost"), "127.0.0.1");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("viewNode() sees nothing where nothing is, or what is no file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const view = viewNode(systemRunner);
    assertEquals(await view.list(`${folder}/none`), []);
    assertEquals(await view.stat(`${folder}/none`), undefined);
    assertEquals(await view.stat(folder), undefined);
    assertEquals(await view.read(`${folder}/none`), undefined);
    assertEquals(await view.read(folder), undefined);
    assertEquals(
      await view.readKernel("/sys/class/net/c2s-none/ifindex"),
      undefined,
    );
    assertEquals(
      await viewNode(() => Promise.resolve("not found")).readKernel(
        "/proc/net/route",
      ),
      undefined,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("viewNode() takes no file over 1 MiB, and waits for no FIFO", async () => {
  const folder = await Deno.makeTempDir();
  const view = viewNode(systemRunner);
  const seen = async (name: string) => [
    (await view.stat(`${folder}/${name}`))?.size,
    (await view.read(`${folder}/${name}`))?.length,
  ];
  try {
    for (
      const [name, size] of [["largest", 2 ** 20], ["sparse", 3e9]] as const
    ) {
      await Deno.writeTextFile(`${folder}/${name}`, "");
      await Deno.truncate(`${folder}/${name}`, size);
    }
    await systemRunner(["mkfifo", `${folder}/fifo`]);
    await Deno.symlink("/dev/zero", `${folder}/device`);
    assertEquals(await seen("largest"), [2 ** 20, 2 ** 20]);
    for (const name of ["sparse", "fifo", "device"]) {
      assertEquals(await seen(name), [undefined, undefined], name);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
