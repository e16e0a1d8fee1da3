import { assertEquals } from "@std/assert";
import type { Target } from "../../lib/rule/rule.ts";
import { doubtfulFamilies, routeFault } from "../../lib/supervisor/route.ts";
import { systemRunner } from "../../lib/system/runner.ts";
import { nowhere } from "../helpers/upstream.ts";

const OWN_UID = Deno.uid() ?? 0;

/** What a client gets at a loopback address, where a rule shall redirect it. */
function fault(
  { address, addressPort }: { address: string; addressPort: number },
  port: number | undefined,
  uid = OWN_UID,
  accepted?: Promise<Deno.Conn>,
) {
  const family = address.includes(":") ? "ip6" : "ip";
  const target = { family, address, addressPort, port } as const;
  return routeFault(
    { state: "open", uid, targets: [target] },
    async (argv) => {
      await accepted;
      return await systemRunner(argv);
    },
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
    // Another user may listen there; until then it is nobody's.
    assertEquals(await fault(target, port, OWN_UID + 1), undefined);
    for (let before = 2; before > 0; before--) {
      (await listener.accept()).close();
    }
    const accepted = listener.accept();
    assertEquals(
      await fault(target, port, OWN_UID + 1, accepted),
      `${name(port)} does not end at ${name(port)} as uid ${OWN_UID + 1}`,
    );
    (await accepted).close();
    // Where somebody else's connection ends.
    using other = Deno.listen({ hostname: address, port: 0 });
    const elsewhere = (other.addr as Deno.NetAddr).port;
    using _ = await Deno.connect({ hostname: address, port: elsewhere });
    assertEquals(
      await fault(target, elsewhere),
      `${name(port)} does not end at ${name(elsewhere)} as uid ${OWN_UID}`,
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

Deno.test("doubtfulFamilies() takes a reached service and an answer of a stranger's for a missing guard", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const to = { family: "ip", address: "127.0.0.1", addressPort: port } as const;
  const nobody = { ...to, addressPort: nowhere().port, port: undefined };
  const doubtful = (target: Target) =>
    doubtfulFamilies({ state: "open", uid: 1, targets: [target] }, "guard");
  assertEquals(await doubtful(nobody), []);
  assertEquals(await doubtful({ ...to, port: undefined }), ["ip"]);
  assertEquals(await doubtful({ ...to, port }), ["ip"]);
});
