import { assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";
import { importFlags } from "../../deploy/build.ts";

/** The API's published shapes, by kind. */
const MODULES: Readonly<Record<string, string>> = {
  DaemonSet: "apps/v1",
  Namespace: "core/v1",
  RoleBinding: "rbac/v1",
  ServiceAccount: "core/v1",
};

/** Type-checks objects as literals, where a wrong key is an error too. */
async function typeErrors(objects: readonly unknown[]): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: REPOSITORY.pathname });
  try {
    const lines = objects.map((object, i) => {
      const { kind } = object as { kind: string };
      const type = `import("kubernetes-types/${MODULES[kind]}").${kind}`;
      return `export const object${i}: ${type} = ${JSON.stringify(object)};\n`;
    });
    await Deno.writeTextFile(`${folder}/objects.ts`, lines.join(""));
    const { stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "check",
        "--quiet",
        "--frozen",
        ...importFlags(),
        `${folder}/objects.ts`,
      ],
      cwd: REPOSITORY,
      env: { NO_COLOR: "1" },
    }).output();
    return success ? "" : new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OBJECTS = (sourceFiles("deploy/rendered/daemonset.yaml")[0]?.text ?? "")
  .split("---\n").map((text) => parse(text));

Deno.test("the DaemonSet and its company have the shapes of the Kubernetes API", async () => {
  assertEquals(await typeErrors(OBJECTS), "");
});

Deno.test("the shapes of the Kubernetes API refuse a key that is none", async () => {
  const spec = { selector: {}, template: {}, hostNetwrk: true };
  const wrong = { apiVersion: "apps/v1", kind: "DaemonSet", spec };
  assertMatch(await typeErrors([wrong]), /hostNetwrk/);
});
