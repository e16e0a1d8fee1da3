import { assertEquals } from "@std/assert";
import { createNamespace } from "../helpers/namespace.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, testWith } from "../helpers/requires.ts";
import { scriptPath } from "./clients.ts";

testWith([
  ...NAMESPACES,
  { command: "javac", from: "default-jdk-headless" },
  { command: "/usr/bin/python3", from: "python3" },
])(
  "Java's HttpClient gets a token through the proxy over HTTP/1.1, and 400 where it asks for HTTP/2",
  async () => {
    await using namespace = await createNamespace();
    const inside = { namespace: namespace.name };
    await using tree = await startProgram(
      ["simulate", "--listen=127.0.0.1:0", "--require-v2"],
      inside,
    );
    await using service = await startProgram([`--tree=${tree.url}`], {
      ...inside,
      command: ["/usr/bin/python3", scriptPath("service.py")],
    });
    await using proxy = await startProgram(
      ["serve", "--listen=127.0.0.1:0", `--upstream=${service.url}`],
      inside,
    );
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
