/**
 * `c2s-imds`: shows an instance that runs in us-east-1 as one in
 * us-iso-east-1.
 *
 * @module
 */
import { runCommandLine } from "./lib/cli/command_line.ts";
import { realIo } from "./lib/cli/io.ts";
import { sourceBuild } from "./lib/cli/version.ts";
import { COMMANDS } from "./lib/commands/registry.ts";

Deno.exit(
  await runCommandLine(Deno.args, realIo(sourceBuild()), COMMANDS),
);
