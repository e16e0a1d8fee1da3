import { assertEquals } from "@std/assert";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import type { ServeConfig } from "../../lib/config/serve_config.ts";
import { valuesOf } from "../helpers/raw.ts";
import { answer } from "../helpers/upstream.ts";
import { startStage } from "./under_test.ts";

const DOCUMENT = `{
  "accountId" : "123456789012",
  "region" : "us-east-1",
  "kernelId" : null,
  "nested" : { "accountId" : "1" }
}`;
const META =
  `{"name": "us-east-1", "availability_zone": "nova", "meta": {"availability_zone": "x"}}`;

const YAML = `region: us-east-1=us-iso-east-1
overrides:
  "*/meta-data/added": {text: "new\\n"}
  "*/meta-data/file/": {file: sub/one.txt}
  "*/meta-data/tags": {status: 404}
  "*/meta-data/tags/instance/Name": {text: "never seen"}
  "/latest/only": {text: "here"}
  "*/Meta-Data/network/interfaces/macs/*/owner-id": {text: "7"}
  "*/dynamic/instance-identity/document": {fields: {accountId: "9", region: a-"b", absent: x, kernelId: y}}
  "*/dynamic/*/document": {fields: {accountId: "8", nested: z, imageId: i}}
  "openstack/*/meta_data.json": {fields: {availability_zone: us-iso-east-1a}}
`;

const FILES: Readonly<Record<string, string>> = {
  "etc/c.yaml": YAML,
  "etc/sub/one.txt": "from a file: ü\n",
};

function config(): Partial<ServeConfig> {
  const { regions, identity } = readServeConfig(
    ["--config=etc/c.yaml"],
    {},
    (path) => FILES[path] ?? "",
  );
  return { regions, ...identity === undefined ? {} : { identity } };
}

const UP: Readonly<Record<string, string>> = {
  document: DOCUMENT,
  "meta_data.json": META,
};

const CASES: readonly (readonly [
  target: string,
  status: number,
  body: string,
])[] = [
  ["/latest/meta-data/added", 200, "new\n"],
  ["/2009-04-04/meta-data/added/", 200, "new\n"],
  ["/ec2/2009-04-04/meta-data/added", 200, "new\n"],
  ["/latest//meta-data/%61dded?x=y", 200, "new\n"],
  ["/latest/meta-data/added/below", 404, "gone"],
  ["/latest/meta-data/file", 200, "from a file: \xc3\xbc\n"],
  ["/latest/meta-data/tags", 404, "404 - Not Found\n"],
  ["/1.0/meta-data/tags/instance/Name", 404, "404 - Not Found\n"],
  ["/latest/meta-data/tagsx/there", 200, "us-iso-east-1"],
  ["/latest/only", 200, "here"],
  ["/2021-01-03/only", 404, "gone"],
  ["/latest/meta-data/network/interfaces/macs/0:1/owner-id", 200, "7"],
  // A target of two readings is edited only where both are that place.
  ["/latest/user-data/../meta-data/added", 404, "gone"],
  ["/latest/meta-data/./added", 404, "gone"],
  [
    "/latest/dynamic/instance-identity/document",
    200,
    DOCUMENT.replace("123456789012", "9").replace(
      `"us-east-1"`,
      String.raw`"a-\"b\""`,
    ),
  ],
  [
    "/latest/dynamic/x/document",
    200,
    DOCUMENT.replace("123456789012", "8").replace("us-east-1", "us-iso-east-1"),
  ],
  [
    "/openstack/2012-08-10/meta_data.json",
    200,
    META.replace("nova", "us-iso-east-1a"),
  ],
];

Deno.test("overrides change just their places, whatever the version, shared or not", async () => {
  await using it = await startStage(({ target }, { write }) => {
    const path = target.replace(/\?.*/, "").replace(/\/$/, "");
    const body = UP[path.slice(path.lastIndexOf("/") + 1)] ??
      (/tags|there$/.test(target) ? "us-east-1" : undefined);
    return write(
      body === undefined
        ? answer("gone", ["Content-Type: text/html"], "404 Not Found")
        : answer(body, [`ETag: "1"`]),
    );
  }, { ...config(), cacheMs: 60_000 });
  for (const [target, status, body] of [...CASES, ...CASES]) {
    const got = await it.ask(target);
    assertEquals([got.status, got.body], [status, body], target);
    assertEquals(valuesOf(got, "content-length"), [`${body.length}`], target);
    assertEquals(valuesOf(got, "etag"), [], target);
  }
  const added = await it.ask("/latest/meta-data/added");
  assertEquals(valuesOf(added, "content-type"), ["text/plain"]);
  // What goes up is what came.
  assertEquals(
    it.upstream.requests.map(({ target }) => target),
    CASES.map(([target]) => target),
  );
});
