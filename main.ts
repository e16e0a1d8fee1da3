/**
 * `c2s-imds`: shows an instance that runs in us-east-1 as one in
 * us-iso-east-1.
 *
 * @module
 */
import { runCommandLine } from "./lib/commands/command_line.ts";
import { realIo } from "./lib/commands/io.ts";
import { sourceBuild } from "./lib/commands/version.ts";

Deno.exit(await runCommandLine(Deno.args, realIo(sourceBuild())));
