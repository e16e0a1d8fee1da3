import { assertEquals } from "@std/assert";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { ask, get } from "../helpers/raw.ts";
import { answer, startUpstream } from "../helpers/upstream.ts";
import { startUnderTest } from "./under_test.ts";

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

async function stage(given: Partial<ServeConfig>) {
  const upstream = await startUpstream(({ target }, connection) => {
    const name = decodeURIComponent(
      target.replace(/[?].*/, "").replace(/^.*\//, ""),
    );
    return connection.write(
      name === ""
        ? answer(THERE.join("\n"))
        : THERE.includes(name)
        ? answer(`of ${THERE.indexOf(name)}`)
        : answer("gone", [], "404 Not Found"),
    );
  });
  const proxy = await startUnderTest(upstream.address, given);
  return {
    upstream,
    body: async (target: string) =>
      (await ask(proxy.address, get(target))).body,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

for (const rewrite of ["safe", "all"] as const) {
  Deno.test(`every listed name can be fetched when --rewrite is ${rewrite}`, async () => {
    await using it = await stage({ rewrite });
    for (const version of ["latest", "2021-01-03"]) {
      for (const folder of [ROLES, TAGS]) {
        const list = (await it.body(`/${version}/${folder}`)).split("\n");
        assertEquals(list.length, THERE.length);
        for (const [i, name] of list.entries()) {
          // cloud-init encodes names, others do not.
          const ways = name.includes("%") ? [] : [name];
          for (const way of [...ways, encodeURIComponent(name)]) {
            assertEquals(
              await it.body(`/${version}/${folder}${way}`),
              `of ${i}`,
              way,
            );
          }
        }
      }
    }
  });
}

Deno.test("a name is mapped back when it is that of one region alone", async () => {
  await using it = await stage({
    rewrite: "all",
    regions: new Map([["us-east-1", "x-1"], ["us-west-2", "x-1"], [
      "eu-west-1",
      "y-1",
    ]]),
  });
  await it.body(`/latest/${ROLES}role-x-1`);
  await it.body(`/latest/${ROLES}role-y-1`);
  assertEquals(it.upstream.requests.map(({ target }) => target), [
    `/latest/${ROLES}role-x-1`,
    `/latest/${ROLES}role-eu-west-1`,
    // Nobody has that name, so that it may be the client's own.
    `/latest/${ROLES}role-y-1`,
  ]);
});

Deno.test("a target goes up as it came when it asks for no listed name", async () => {
  await using it = await stage({ rewrite: "all" });
  const targets = [
    `/latest/meta-data/us-iso-east-1`,
    `/us-iso-east-1/meta-data/tags`,
    `/latest/user-data?us-iso-east-1`,
    `/latest//meta-data/iam/security-credentials/us-iso-east-1`,
    `/latest/${ROLES}us-iso-east-10`,
    `/latest/${ROLES}pl%61in`,
  ];
  for (const target of targets) await it.body(target);
  const before = `/latest/${ROLES}plain?us-iso-east-1`;
  await it.body(before);
  assertEquals(
    it.upstream.requests.map(({ target }) => target),
    [...targets, before],
  );
});

Deno.test("a name that is asked for by PUT goes up as it came", async () => {
  await using upstream = await startUpstream((_, connection) =>
    connection.write(answer("no", [], "403 Forbidden"))
  );
  await using proxy = await startUnderTest(upstream.address, {
    rewrite: "all",
  });
  const target = `/latest/${ROLES}r-us-iso-east-1`;
  await ask(proxy.address, get(target).replace("GET", "PUT"));
  assertEquals(upstream.requests.map((it) => it.target), [target]);
});
