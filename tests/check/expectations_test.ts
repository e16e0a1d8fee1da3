import { assertEquals } from "@std/assert";
import { expectationsOf } from "../../lib/check/expectations.ts";
import { observe } from "../../lib/check/observe.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { askMetadata } from "../../lib/proxy/metadata_client.ts";
import { stage } from "./stage.ts";

const YAML = `profile: c2s
overrides:
  "*/user-data": {text: "a secret"}
  "*/meta-data/tags": {status: 404}
  "openstack/*/meta_data.json": {fields: {availability_zone: us-iso-east-1z}}
  "*/meta-data/network/interfaces/macs/*/owner-id": {text: "1"}
  "*/meta-data/services/domain": {text: example.test}
`;

const [REGION, PROFILE, FILE] = [[], ["--profile=c2s"], ["--config=c.yaml"]];

/** What a proxy with some flags shows of what others promise. */
async function judgements(
  shown: readonly string[],
  expected: readonly string[],
) {
  await using it = await stage(shown, YAML);
  const { expectations } = await observe(it.emulated, {
    ask: (question) => askMetadata({ ...question, timeoutMs: 60_000 }),
    now: () => performance.now(),
    until: Infinity,
    expectations: expectationsOf(readServeConfig(expected, {}, () => YAML)),
  });
  return expectations.map(({ what, met, found, expected }) =>
    `${what} ${met ? "is" : "is not"} ${expected}: ${found}`
  );
}

Deno.test("expectationsOf() knows what a profile and its overrides make clients see, and shows no text of theirs", async (t) => {
  for (
    const [when, shown, expected, lines] of [
      ["nothing is expected beside the region", PROFILE, REGION, []],
      ["the profile is in force", PROFILE, PROFILE, [
        "services/partition is aws-iso: aws-iso",
        "services/domain is c2s.ic.gov: c2s.ic.gov",
        "iam/info is : ",
        "placement/availability-zone-id is use1-az4: use1-az4",
      ]],
      ["the profile is not in force", REGION, PROFILE, [
        "services/partition is not aws-iso: aws",
        "services/domain is not c2s.ic.gov: amazonaws.com",
        "iam/info is not InstanceProfileArn arn:aws-iso:iam::… (98 characters): InstanceProfileArn arn:aws:iam::1234… (94 characters)",
        "placement/availability-zone-id is use1-az4: use1-az4",
      ]],
      ["the overrides are in force", FILE, FILE, [
        "services/partition is aws-iso: aws-iso",
        "services/domain is the text of 12 characters: the text of 12 characters",
        "user-data is the text of 8 characters: the text of 8 characters",
        "tags is 404: undefined",
        "/openstack/latest/meta_data.json is : ",
        "iam/info is : ",
        "placement/availability-zone-id is use1-az4: use1-az4",
      ]],
      ["the overrides are not in force", PROFILE, FILE, [
        "services/partition is aws-iso: aws-iso",
        "services/domain is not the text of 12 characters: another text of 10 characters",
        "user-data is not the text of 8 characters: another text of 153 characters",
        "tags is not 404: undefined",
        "/openstack/latest/meta_data.json is not availability_zone us-iso-east-1z: availability_zone us-iso-east-1a",
        "iam/info is : ",
        "placement/availability-zone-id is use1-az4: use1-az4",
      ]],
    ] as const
  ) {
    await t.step(`when ${when}`, async () => {
      assertEquals<unknown>(await judgements(shown, expected), lines);
    });
  }
});

Deno.test("expectationsOf() takes 404 for nothing to show, and goes by the status", () => {
  const judge = (path: string, status: number, text: string) => {
    const config = readServeConfig(FILE, {}, () => YAML);
    const body = new TextEncoder().encode(text);
    return expectationsOf(config).find(({ what }) => what === path)
      ?.judge({ status, headers: new Map(), body }).met;
  };
  for (const status of [200, 404, 403, 502, 0]) {
    const met = judge("services/partition", status, "aws-iso");
    assertEquals(met, status === 200 || status === 404, `${status}`);
  }
  assertEquals(judge("tags", 200, "404 - Not Found\n"), false);
  assertEquals(judge("user-data", 404, "a secret"), false);
});
