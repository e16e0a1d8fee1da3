import { assertEquals } from "@std/assert";
import { routeFault } from "../../lib/supervisor/route.ts";
import { systemRunner } from "../../lib/system/runner.ts";
import { nowhere } from "../helpers/upstream.ts";

/** What a client gets at a loopback address, where a rule shall redirect it. */
function fault(
  { address, addressPort }: { address: string; addressPort: number },
  port: number | undefined,
) {
  const family = address.includes(":") ? "ip6" : "ip";
  const target = { family, address, addressPort, port } as const;
  return routeFault(
    { state: "open", uid: 10_169, targets: [target] },
    systemRunner,
  );
}

for (const address of ["127.0.0.1", "::1"]) {
  Deno.test(`routeFault() finds where a connection ends (${address})`, async () => {
    const name = (port: number) =>
      address === "::1" ? `[::1]:${port}` : `127.0.0.1:${port}`;
    using listener = Deno.listen({ hostname: address, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const target = { address, addressPort: port };
    assertEquals(await fault(target, port), undefined);
    // Where somebody else's connection ends.
    using other = Deno.listen({ hostname: address, port: 0 });
    const elsewhere = (other.addr as Deno.NetAddr).port;
    using _ = await Deno.connect({ hostname: address, port: elsewhere });
    assertEquals(
      await fault(target, elsewhere),
      `${name(port)} does not end at ${name(elsewhere)}`,
    );
    assertEquals(
      await fault(target, undefined),
      `${name(port)} is reached without the proxy`,
    );
    const nobody = { address, addressPort: nowhere().port };
    assertEquals(
      await fault(nobody, port),
      `${name(nobody.addressPort)} refuses connections`,
    );
    assertEquals(await fault(nobody, undefined), undefined);
  });
}
