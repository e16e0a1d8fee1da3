import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import config from "../../deno.json" with { type: "json" };
import { renderedFiles } from "../../deploy/render.ts";
import { unitsOf } from "../helpers/units.ts";

const FILES = Object.entries(await renderedFiles());

interface Labelled {
  readonly kind: string;
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec?: { readonly template?: Labelled };
}

const OBJECTS = FILES
  .filter(([, text]) => /^kind: /m.test(text))
  .filter(([path]) => !path.endsWith("/kustomization.yaml"))
  .flatMap(([, text]) => text.split("---\n"))
  .map((text) => parse(text) as Labelled);

Deno.test("everything that goes into a cluster, pods included, says what it is", () => {
  assert(OBJECTS.some(({ kind }) => kind === "MachineConfig"));
  assert(OBJECTS.some(({ kind }) => kind === "PrometheusRule"));
  const pods = OBJECTS.flatMap(({ spec }) => spec?.template ?? []);
  assert(pods.length > 0);
  for (const { metadata: { labels } } of [...OBJECTS, ...pods]) {
    const label = (name: string) => labels[`app.kubernetes.io/${name}`];
    const { version } = config;
    assertEquals(
      ["name", "version", "part-of", "managed-by"].map(label),
      ["c2s-imds", version, "c2s-imds", "c2s-imds"],
    );
    assert(["proxy", "monitoring"].includes(label("component") ?? ""));
  }
});

Deno.test("every unit says where its documentation is", () => {
  const texts = FILES.flatMap(([path, text]) =>
    path.endsWith(".service")
      ? [text]
      : /machineconfig/.test(path)
      ? text.split("---\n").flatMap(unitsOf).map(({ contents }) => contents)
      : []
  );
  assertEquals(texts.length, 5);
  for (const text of texts) {
    assert(text.includes("\nDocumentation=https://jsr.io/@c2s/c2s-imds\n"));
  }
});
