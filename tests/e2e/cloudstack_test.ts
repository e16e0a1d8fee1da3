import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createGuest, type Guest, GUEST_NEEDS } from "./guest.ts";
import {
  askAs,
  asUser,
  childOf,
  EMULATED,
  REGION,
  until,
} from "../helpers/node.ts";
import { type RunningProgram, startProgram } from "../helpers/program.ts";
import { type Need, testWith } from "../helpers/requires.ts";

const NEEDS: readonly Need[] = [
  ...GUEST_NEEDS,
  { command: "iptables", from: "iptables" },
];

const INSTANCE_ID = "/latest/meta-data/instance-id";

/** The router at an address: DHCP, and metadata of an instance. */
async function startRouter(
  guest: Guest,
  address: string,
  instance: string,
): Promise<AsyncDisposable> {
  const dhcp = await guest.route(address);
  const data = `/${instance}.yaml`;
  await guest.write(data, `meta-data: {instance-id: ${instance}}\n`);
  const service = await startProgram([
    ...["simulate", `--listen=${address}:80`, "--listen-anywhere"],
    `--data=${guest.root}${data}`,
  ], { namespace: guest.network.name, cwd: "/" });
  return {
    async [Symbol.asyncDispose]() {
      await service.stop();
      await dhcp.kill();
    },
  };
}

/** The program on the guest, as a user. */
async function startOn(
  guest: Guest,
  line: string,
  uid: number,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProgram> {
  return await startProgram(line.split(" "), {
    namespace: guest.namespace.name,
    cwd: "/",
    before: [...guest.within, ...asUser(uid)],
    env,
  });
}

/** Moves the router while the program asks for it through a URL. */
async function follow(
  guest: Guest,
  program: RunningProgram,
  url: string,
): Promise<void> {
  const see = (path: string) => askAs(guest.namespace, 1000, `${url}${path}`);
  {
    await using _ = await startRouter(guest, "10.78.0.1", "i-one");
    await guest.renew();
    await until(
      "the router is found",
      async () => await see(REGION) === EMULATED,
    );
    assertEquals(await see(INSTANCE_ID), "i-one");
    await program.logged(
      /info virtual router found interface=eth0 address=10\.78\.0\.1 from=\/var\/lib\/dhcp\//,
    );
  }
  await using _ = await startRouter(guest, "10.78.0.7", "i-seven");
  await guest.renew();
  await until(
    "the router is found again",
    async () => await see(INSTANCE_ID) === "i-seven",
  );
  assertEquals(await see(REGION), EMULATED);
  await program.logged(
    /info virtual router moved interface=eth0 address=10\.78\.0\.7 /,
  );
}

testWith(NEEDS)(
  "serve --iptables finds CloudStack's router for its child, and follows it",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    // Not a default route, which would be believed where no lease is.
    await guest.namespace.must([
      ...["ip", "route", "add", "169.254.169.254", "dev", "lo"],
      ...["src", "127.0.0.1"],
    ]);
    await using program = await startOn(
      guest,
      "serve --iptables --upstream cloudstack:eth0",
      0,
    );
    await follow(guest, program, "http://169.254.169.254");

    await using _ = await startRouter(guest, "10.78.0.9", "i-nine");
    await guest.renew();
    const child = await childOf(program);
    assert(child !== undefined);
    Deno.kill(child, "SIGKILL");
    await program.logged(/info the proxy listens again/);
    await until("a new child is told", async () =>
      await askAs(
        guest.namespace,
        1000,
        `http://169.254.169.254${INSTANCE_ID}`,
      ) === "i-nine");
    const { code, stderr } = await program.stop();
    assertEquals(code, 0, stderr);
  },
);

testWith(NEEDS)(
  "serve finds CloudStack's router in a real lease and follows it, by mdproxy4cs's variables alone",
  async () => {
    await using stack = new AsyncDisposableStack();
    const guest = await createGuest(stack);
    // What its pre-start.sh does.
    await guest.namespace.must([
      ...["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"],
    ]);
    await using program = await startOn(guest, "serve", 1000, {
      MDPROXY4CS_INAME: "eth0",
      MDPROXY4CS_LOG_LEVEL: "debug",
      MDPROXY4CS_LOG_FILE: "-",
      MDPROXY4CS_HTTP_LISTEN: "169.254.169.254:39724",
    });
    assertEquals(program.url, "http://169.254.169.254:39724");
    assertStringIncludes(
      await askAs(guest.namespace, 0, `${program.url}${REGION}`),
      'Cannot find the virtual router of "eth0": no lease is there',
    );
    await follow(guest, program, program.url);
    assertMatch(program.stderr(), / debug request method=GET /);
  },
);
