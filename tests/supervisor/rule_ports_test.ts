import { assertEquals } from "@std/assert";
import { rulePorts } from "../../lib/supervisor/rule_ports.ts";

Deno.test("rulePorts() takes the listeners that a redirect reaches", () => {
  const at = (hostname: string, port: number) => ({ hostname, port });
  assertEquals(rulePorts([at("127.0.0.1", 4000)]), { ip: 4000 });
  assertEquals(rulePorts([at("127.0.0.1", 1), at("::1", 2)]), {
    ip: 1,
    ip6: 2,
  });
  assertEquals(rulePorts([at("0.0.0.0", 3)]), { ip: 3 });
  assertEquals(rulePorts([at("127.0.0.2", 3), at("10.0.0.1", 4)]), {});
});
