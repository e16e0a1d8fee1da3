import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { REPOSITORY, sourceFiles } from "../helpers/files.ts";

/** The API's published types. */
const TYPES = "npm:kubernetes-types@1.30.0";

/** Their modules, by kind. */
const MODULES: Readonly<Record<string, string>> = {
  DaemonSet: "apps/v1",
  Namespace: "core/v1",
  RoleBinding: "rbac/v1",
  ServiceAccount: "core/v1",
};

const OBJECTS = (sourceFiles("deploy/rendered/daemonset.yaml")[0]?.text ?? "")
  .split("---\n").map((text) => parse(text) as { kind: string });

/** Literals, where a wrong key is an error, too; the last one must be. */
const SOURCE =
  OBJECTS.map((object, i) =>
    `export const object${i}: import("${TYPES}/${
      MODULES[object.kind]
    }").${object.kind} = ${JSON.stringify(object)};\n`
  ).join("") + `
export const wrong: import("${TYPES}/apps/v1").DaemonSetSpec =
  // @ts-expect-error there is no such key
  { selector: {}, template: {}, hostNetwrk: true };
`;

Deno.test("the DaemonSet and its company have the shapes of the Kubernetes API", async () => {
  const folder = await Deno.makeTempDir();
  const lock = `${REPOSITORY.pathname}tests/manifests/kubernetes_types.lock`;
  try {
    const file = `${folder}/objects.ts`;
    await Deno.writeTextFile(file, SOURCE);
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["check", "--quiet", "--no-config", `--lock=${lock}`, "--frozen"],
        file,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
