import { assert, assertEquals } from "@std/assert";
import { withoutSymbols } from "../../deploy/runtime.ts";

Deno.test("withoutSymbols() leaves what an executable runs on, and nothing behind it", async () => {
  const file = await Deno.makeTempFile();
  try {
    const whole = await Deno.readFile("/bin/sh");
    const bare = withoutSymbols(whole);
    assert(bare.length < whole.length);
    assertEquals(withoutSymbols(bare), bare);
    await Deno.writeFile(file, bare);
    await Deno.chmod(file, 0o755);
    const { stdout } = await new Deno.Command(file, {
      args: ["-c", "echo fine"],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "fine\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("withoutSymbols() leaves other files alone", () => {
  const script = new TextEncoder().encode("#!/bin/sh\necho fine\n");
  assertEquals(withoutSymbols(script), script);
});
