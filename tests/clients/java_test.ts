import { assertEquals } from "@std/assert";
import { testWith } from "../helpers/requires.ts";
import { scriptPath } from "./clients.ts";
import { createStage, SERVICE, STAGE_NEEDS } from "./stage.ts";

testWith([
  ...STAGE_NEEDS,
  { command: "javac", from: "default-jdk-headless" },
])(
  "Java's HttpClient gets a token through the proxy over HTTP/1.1, and 400 where it asks for HTTP/2",
  async () => {
    await using stack = new AsyncDisposableStack();
    const { machine, proxy } = await createStage(stack, ["--require-v2"]);
    const asked = [SERVICE, `${proxy}#HTTP_1_1`, proxy];
    const printed = await machine.must([
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
