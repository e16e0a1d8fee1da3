/**
 * A simulated service and a proxy before it, within the test.
 *
 * @module
 */
import { readServeConfig } from "../../lib/config/read_serve_config.ts";
import { defaultTree } from "../../lib/simulator/default_instance.ts";
import { startSimulator } from "../../lib/simulator/simulator.ts";
import { startUnderTest } from "../proxy/under_test.ts";

/** Where the two are asked. */
export interface Stage extends AsyncDisposable {
  /** The service itself. */
  readonly real: string;
  /** The proxy. */
  readonly emulated: string;
}

/**
 * Starts both.
 *
 * @param flags the proxy's region, profile and configuration
 * @param file what each file holds that they name
 */
export async function stage(
  flags: readonly string[] = [],
  file = "",
): Promise<Stage> {
  const real = startSimulator({
    listen: { hostname: "127.0.0.1", port: 0 },
    tree: defaultTree(),
    requireV2: true,
  });
  const { regions, identity } = readServeConfig(flags, {}, () => file);
  const proxy = await startUnderTest(real.address, {
    regions,
    ...identity === undefined ? {} : { identity },
  });
  return {
    real: real.url,
    emulated: `http://127.0.0.1:${proxy.address.port}`,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await real[Symbol.asyncDispose]();
    },
  };
}
