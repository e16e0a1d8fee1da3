import { assertEquals } from "@std/assert";
import { adminRefusal } from "../../lib/admin/admin.ts";
import { fieldsOf } from "../../lib/proxy/headers.ts";

function status(method: string, headers: Record<string, string>) {
  return adminRefusal(method, fieldsOf(new Headers(headers)))?.status;
}

Deno.test("adminRefusal() lets in GET and HEAD alone", () => {
  for (const method of ["GET", "HEAD"]) {
    assertEquals(status(method, {}), undefined);
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"]) {
    assertEquals(status(method, {}), 405, method);
  }
});

Deno.test("adminRefusal() refuses pages in browsers", async (t) => {
  for (
    const [name, value] of [
      ["origin", "http://evil.example"],
      ["origin", "null"],
      ["sec-fetch-site", "same-origin"],
    ] as const
  ) {
    await t.step(`${name}: ${value}`, () => {
      assertEquals(status("GET", { [name]: value }), 403);
    });
  }
});

Deno.test("adminRefusal() refuses a name that only DNS leads here", async (t) => {
  for (
    const host of ["localhost", "localhost:4001", "127.0.0.1:4001", "[::1]:1"]
  ) {
    await t.step(host, () => {
      assertEquals(status("GET", { host }), undefined);
    });
  }
  for (const host of ["evil.example", "localhost.evil.example:4001", "", "a"]) {
    await t.step(`not "${host}"`, () => {
      assertEquals(status("GET", { host }), 403);
    });
  }
});
