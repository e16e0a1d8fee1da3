import { assert, assertEquals } from "@std/assert";
import {
  childOf,
  createNode,
  EMULATED,
  NODE_NEEDS,
  until,
} from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";

testWith(NODE_NEEDS)(
  "serve --iptables hands a changed file to its child, and to the next one",
  async () => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await using node = await createNode();
    try {
      await using program = await node.start(
        `serve --iptables --config ${file} --cache 0`,
      );
      assertEquals(await node.see(0), EMULATED);
      const sees = (region: string) =>
        until(
          `clients see ${region}`,
          async () => await node.see(0) === region,
        );

      await Deno.writeTextFile(file, "region: us-east-1=us-isob-east-1\n");
      program.signal("SIGHUP");
      await sees("us-isob-east-1");

      await Deno.writeTextFile(file, "region: nonsense\n");
      program.signal("SIGHUP");
      await program.logged(
        /error configuration unchanged error=[^\n]*nonsense[^\n]*\n/,
      );
      assertEquals(await node.see(0), "us-isob-east-1");
      // The parent said so, and the child nothing beside it.
      const said = program.stderr().match(/ error [^\n]*\n/g) ?? [];
      assertEquals(said.length, 1, said.join(""));

      const child = await childOf(program);
      assert(child !== undefined);
      Deno.kill(child, "SIGKILL");
      await program.logged(/the proxy listens again/);
      await sees("us-isob-east-1");
    } finally {
      await Deno.remove(file);
    }
  },
);
