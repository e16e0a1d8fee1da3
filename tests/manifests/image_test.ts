import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { parseImage } from "../../lib/manifests/image.ts";

const DIGEST = `@sha256:${"0123456789abcdef".repeat(4)}`;

function parse(text: string) {
  return parseImage({ text, source: "--image" });
}

Deno.test("parseImage() takes a reference without digest as not pinned", () => {
  for (
    const [text, registry] of [
      ["c2s-imds", undefined],
      ["team/c2s-imds:0.1.0", undefined],
      ["localhost/c2s-imds:latest", "localhost"],
      ["localhost:5000/a/b__c/d.e---f:V_1.2-x", "localhost:5000"],
      ["registry.example.com:8443/team/c2s-imds", "registry.example.com:8443"],
      ["Registry.Example.com/c2s-imds:1", "Registry.Example.com"],
      ["10.0.0.1:5000/c2s-imds:1", "10.0.0.1:5000"],
    ] as const
  ) assertEquals(parse(text), { reference: text, registry, pinned: false });
});

Deno.test("parseImage() takes a digest as pinned and drops the tag beside it", () => {
  for (const digest of [DIGEST, `@sha512:${"0123456789abcdef".repeat(8)}`]) {
    const registry = "registry.example.com";
    const reference = `${registry}/c2s-imds${digest}`;
    const image = { reference, registry, pinned: true };
    assertEquals(parse(reference), image);
    assertEquals(parse(`${registry}/c2s-imds:1${digest}`), image);
  }
});

Deno.test("parseImage() refuses what is no reference, above all what a unit or a shell would read", () => {
  for (
    const text of [
      ..."a b,a;reboot,a$(reboot),a`reboot`,a${IFS}b,a%n,a'b,a\"b,a\\b,a|b,a>b"
        .split(","),
      ..."-a,--privileged,/a,a/,a//b,a:,a:1:2/b:c:d,a:-tag,é/a, a".split(","),
      "C2S-IMDS",
      "Team/c2s-imds",
      "a\nExecStartPre=/bin/true",
      "a\n",
      `a:${"t".repeat(129)}`,
      "a@sha256:0123",
      `a@sha256:${"0".repeat(65)}`,
      `a@sha256:${"G".repeat(64)}`,
      `a@md5:${"0".repeat(32)}`,
      `a${DIGEST}x`,
      "https://registry.example.com/a",
      "registry.example.com:port/a",
      "-registry.example.com/a",
      `${"a".repeat(200)}/${"b".repeat(60)}`,
    ]
  ) {
    const expected =
      "expected an image reference, its repository in lower case";
    assertThrows(() => parse(text), UsageError, expected);
  }
});
