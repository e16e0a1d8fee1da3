import { assertEquals } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { ask, get } from "../helpers/raw.ts";
import { answer } from "../helpers/upstream.ts";
import { startStage } from "./under_test.ts";

const ROLES = "meta-data/iam/security-credentials/";
const TAGS = "meta-data/tags/instance/";

/** Names that the service lists, and what it answers for each. */
const THERE: readonly string[] = [
  "cluster-us-east-1-master-role",
  "us-east-1a",
  "plain",
  "real-us-iso-east-1-role",
  "west-us-west-2",
  "team=us-east-1",
  "100%-us-east-1",
];

function stage(given: Partial<ServeConfig>) {
  return startStage(({ target }, { write }) => {
    const name = decodeURIComponent(
      target.replace(/[?].*/, "").replace(/^.*\//, ""),
    );
    return write(
      name === ""
        ? answer(THERE.join("\n"))
        : THERE.includes(name)
        ? answer(`of ${THERE.indexOf(name)}`)
        : answer("gone", [], "404 Not Found"),
    );
  }, given);
}

for (const rewrite of ["safe", "all"] as const) {
  Deno.test(`every listed name can be fetched when --rewrite is ${rewrite}`, async () => {
    await using it = await stage({ rewrite });
    for (const folder of [`/latest/${ROLES}`, `/2021-01-03/${TAGS}`]) {
      const list = (await it.ask(folder)).body.split("\n");
      assertEquals(list.length, THERE.length);
      for (const [i, name] of list.entries()) {
        // cloud-init encodes names, others do not.
        const ways = name.includes("%") ? [] : [name];
        for (const way of [...ways, encodeURIComponent(name)]) {
          assertEquals((await it.ask(folder + way)).body, `of ${i}`, way);
        }
      }
    }
  });
}

Deno.test("a name is mapped back when it is that of one region alone", async () => {
  const regions = new Map([
    ["us-east-1", "x-1"],
    ["us-west-2", "x-1"],
    ["eu-west-1", "y-1"],
  ]);
  await using it = await stage({ rewrite: "all", regions });
  await it.ask(`/latest/${ROLES}role-x-1`);
  await it.ask(`/latest/${ROLES}role-y-1`);
  assertEquals(it.upstream.requests.map(({ target }) => target), [
    `/latest/${ROLES}role-x-1`,
    `/latest/${ROLES}role-eu-west-1`,
    // Nobody has that name, so that it may be the client's own.
    `/latest/${ROLES}role-y-1`,
  ]);
});

Deno.test("a target goes up as it came when it asks for no listed name, or by PUT", async () => {
  await using it = await stage({ rewrite: "all" });
  const targets = [
    `/latest/meta-data/us-iso-east-1`,
    `/us-iso-east-1/meta-data/tags`,
    `/latest/user-data?us-iso-east-1`,
    `/latest//meta-data/iam/security-credentials/us-iso-east-1`,
    `/latest/${ROLES}us-iso-east-10`,
    `/latest/${ROLES}pl%61in`,
    `/latest/${ROLES}plain?us-iso-east-1`,
  ];
  for (const target of targets) await it.ask(target);
  const own = `/latest/${ROLES}r-us-iso-east-1`;
  await ask(it.proxy.address, get(own).replace("GET", "PUT"));
  assertEquals(
    it.upstream.requests.map(({ target }) => target),
    [...targets, own],
  );
});
