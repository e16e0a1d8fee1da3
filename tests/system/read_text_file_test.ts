import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/message.ts";
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { readText } from "../../lib/config/yaml.ts";
import { readTextFile } from "../../lib/system/read_text_file.ts";
import { createFolder } from "../helpers/files.ts";

Deno.test("readTextFile() gives the text of a file to the byte, and once more if told so", async () => {
  await using folder = await createFolder();
  const path = `${folder.path}/file`;
  for (const text of ["", "\ufeffa: é\r\n", "a".repeat(1024 * 1024)]) {
    await Deno.writeTextFile(path, text);
    for (const isAgain of [false, true]) {
      assertEquals(readTextFile(path, { isAgain }), text);
    }
  }
});

Deno.test("readTextFile() reads a pipe to its end, and waits for none once more", async () => {
  await using folder = await createFolder();
  const pipe = `${folder.path}/pipe`;
  const writer = new Deno.Command("sh", {
    args: [
      "-c",
      `mkfifo "$0" && echo made && { printf a; printf b; } >"$0"`,
      pipe,
    ],
    stdout: "piped",
  }).spawn();
  const reader = writer.stdout.getReader();
  await reader.read();
  assertEquals(readTextFile(pipe), "ab");
  await reader.cancel();
  assertEquals((await writer.status).success, true);
  assertThrows(
    () => readTextFile(pipe, { isAgain: true }),
    Error,
    "a pipe can be read only once, expected a regular file",
  );
});

Deno.test("readTextFile() stays in the folder it is given, whatever links say", async () => {
  await using temporary = await createFolder();
  const root = temporary.path;
  const folder = `${root}/etc`;
  await Deno.mkdir(`${folder}/..data`, { recursive: true });
  await Deno.writeTextFile(`${folder}/..data/mounted`, "inside");
  await Deno.writeTextFile(`${root}/secret`, "outside");
  await Deno.mkdir(`${root}/etcetera`);
  await Deno.writeTextFile(`${root}/etcetera/secret`, "outside");
  await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
  for (
    const [name, to] of [
      // As Kubernetes mounts a ConfigMap.
      ["mounted", "..data/mounted"],
      ["out", "../secret"],
      ["absolute", `${root}/secret`],
      ["beside", "../etcetera/secret"],
      ["above", ".."],
      ["device", "/dev/zero"],
    ] as const
  ) await Deno.symlink(to, `${folder}/${name}`);
  const elsewhere = "expected no link to another folder";
  const read = (name: string) => readTextFile(`${folder}/${name}`, { folder });
  assertEquals(read("mounted"), "inside");
  for (const name of ["out", "absolute", "beside", "above/secret", "device"]) {
    assertThrows(() => read(name), Error, elsewhere);
  }
  for (const name of ["pipe", "..data"]) {
    assertThrows(() => read(name), Error, "expected a regular file");
  }
});

Deno.test("readTextFile() refuses what is no text file, as errors of flags that name one say", async () => {
  await using temporary = await createFolder();
  const folder = temporary.path;
  await Deno.writeFile(`${folder}/bytes`, new Uint8Array([0x61, 0xff]));
  await Deno.writeTextFile(`${folder}/big`, "#".repeat(1024 * 1024 + 1));
  for (
    const [path, reason] of [
      [folder, "it is a folder"],
      ["/dev/zero", "expected a regular file or a pipe"],
      [`${folder}/big/x`, "Not a directory"],
      [`${folder}/none`, "no such file"],
      [`${folder}/big`, "expected 1 MiB at most"],
      [`${folder}/bytes`, "expected UTF-8"],
      // A link to a file of the program's own, which Deno opens for nobody.
      ["/proc/self/mem", ""],
    ] as const
  ) {
    assertThrows(
      () => readText("data file", path, readTextFile),
      UsageError,
      `Cannot read data file "${path}": ${reason}`,
    );
  }
});

Deno.test("serve takes no file of an override by a link out of the configuration's folder", async () => {
  await using folder = await createFolder();
  await Deno.symlink("/etc/passwd", `${folder.path}/mine.txt`);
  const config = `${folder.path}/c.yaml`;
  await Deno.writeTextFile(config, `overrides: {"*/a": {file: mine.txt}}`);
  assertThrows(
    () => readServeConfig([`--config=${config}`], {}, readTextFile),
    UsageError,
    `Cannot use a text for key "overrides > */a > file" in "${config}": ` +
      "expected a file that can be read: expected no link to another folder",
  );
});
