import { assertEquals } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { scriptPath } from "./clients.ts";
import { SERVICE_NEED, startStage } from "./stage.ts";

testWith([
  ...NAMESPACES,
  { command: "javac", from: "default-jdk-headless" },
  SERVICE_NEED,
])(
  "Java's HttpClient gets a token through the proxy over HTTP/1.1, and 400 where it asks for HTTP/2",
  async () => {
    await using namespace = await createNamespace();
    await using stage = await startStage(namespace, ["--require-v2"]);
    const { service, proxy } = stage;
    const asked = [service.url, `${proxy.url}#HTTP_1_1`, proxy.url];
    const printed = await namespace.must([
      ...["java", scriptPath("java/HttpClientToken.java"), ...asked],
    ]);
    assertEquals(printed.trimEnd().split("\n"), [
      "200 200 us-east-1",
      "200 200 us-iso-east-1",
      // Docs and README say so; once this is 200, they are to say it no more.
      "400",
    ]);
  },
);
