import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";

const MODULE = new URL("lib/cli/version.ts", REPOSITORY).href;

/** Where `@std/yaml` leads to, and whether that is npm's. */
const MAPS: Readonly<Record<string, boolean>> = {
  [new URL("deploy/offline/yaml.ts", REPOSITORY).href]: true,
  "jsr:@std/yaml@^1.1.0": false,
  [new URL("dist/std/yaml/mod.ts", REPOSITORY).href]: false,
};

for (const [yaml, expected] of Object.entries(MAPS)) {
  Deno.test(`importsFromNpm() is ${expected} where @std/yaml is ${yaml.replace(REPOSITORY.href, "")}`, async () => {
    const map = JSON.stringify({ imports: { "@std/yaml": yaml } });
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--quiet",
        "--no-config",
        "--no-lock",
        `--import-map=data:application/json,${encodeURIComponent(map)}`,
        `import { importsFromNpm } from ${JSON.stringify(MODULE)};
         console.log(importsFromNpm());`,
      ],
      stderr: "inherit",
    }).output();
    assertEquals(new TextDecoder().decode(stdout), `${expected}\n`);
  });
}
