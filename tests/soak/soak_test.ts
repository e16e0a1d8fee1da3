import { installedForFile } from "../helpers/installed.ts";
import { BACKENDS, NODE_NEEDS } from "../helpers/node.ts";
import { testWith } from "../helpers/requires.ts";
import { REAL_CLIENTS } from "./real_clients.ts";
import { soak } from "./soak.ts";

const installed = installedForFile();

/**
 * CI asks for more, for each of both backends, and memory is judged then;
 * without that, it is every quick fault once.
 */
const ASKED = Deno.env.get("SOAK_SECONDS");

/** Another one tries other moments. */
const SEED = Number(Deno.env.get("SOAK_SEED") ?? 1);

for (const backend of ASKED === undefined ? ["nft"] as const : BACKENDS) {
  testWith(
    [
      ...NODE_NEEDS,
      { command: "prlimit", from: "util-linux" },
      ...REAL_CLIENTS.flatMap(({ needs }) => needs),
    ],
    `serve --iptables loses nothing but to injected faults (${backend})`,
    async () => {
      const events: string[] = [];
      const { problems } = await soak(await installed(), {
        backend,
        seconds: Number(ASKED ?? 0),
        seed: SEED,
        tell: (event) => events.push(event),
      });
      if (problems.length === 0) return;
      const lines = ["", ...problems, `SOAK_SEED=${SEED}`, ...events];
      throw new Error(lines.join("\n"));
    },
  );
}
