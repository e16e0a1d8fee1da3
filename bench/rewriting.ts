/**
 * How fast bodies are rewritten, by `deno bench bench/rewriter_bench.ts`.
 *
 * @module
 */

/** How fast one body is rewritten. */
export interface RewritingSpeed {
  /** The body. */
  readonly body: string;
  /** What rewrote it, and for how many regions. */
  readonly how: string;
  /** Bytes a second, on average. */
  readonly bytesPerSecond: number;
}

/** The sizes of the bodies, by the names of their groups. */
const SIZES: Readonly<Record<string, number>> = {
  "1 MiB, no match": 1 << 20,
  "1 MiB, a match every 100 bytes": 1 << 20,
  "identity document, 600 bytes": 600,
  "1 MiB in chunks of 16 KiB": 1 << 20,
};

/** The part of deno bench's report that is needed. */
interface BenchReport {
  readonly benches: readonly {
    readonly group: string;
    readonly name: string;
    readonly results: readonly { readonly ok: { readonly avg: number } }[];
  }[];
}

/** Runs the benchmark. */
export async function measureRewriting(): Promise<readonly RewritingSpeed[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bench",
      "--json",
      "--no-config",
      "--no-lock",
      "--no-check",
      new URL("rewriter_bench.ts", import.meta.url).pathname,
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`deno bench failed: ${text.decode(stderr)}`);
  const report: BenchReport = JSON.parse(text.decode(stdout));
  return report.benches.map(({ group, name, results }) => {
    const nanoseconds = results[0]?.ok.avg ?? NaN;
    return {
      body: group,
      how: name,
      bytesPerSecond: (SIZES[group] ?? NaN) / nanoseconds * 1e9,
    };
  });
}
