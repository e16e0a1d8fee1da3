import { assertEquals } from "@std/assert";
import {
  DEFAULT_DESTINATION,
  DESTINATION_IPV6,
  type Rule,
} from "../../lib/rule/rule.ts";
import { diversions, shadows } from "../../lib/rule/shadow.ts";

const RULE: Rule = { ...DEFAULT_DESTINATION, port: 4000, uid: 10_169 };
const OURS = "-A OUTPUT -p tcp -j C2S-IMDS";

/** In which tables a rule of others keeps packets from ours. */
const CASES: Readonly<Record<string, string>> = {
  "-j ACCEPT": "nat filter",
  "-p tcp -j ACCEPT": "nat filter",
  "-p all -j RETURN": "nat filter",
  "-d 169.254.169.254/32 -j ACCEPT": "nat filter",
  "-d 169.254.169.254 -p tcp -m tcp --dport 80 -j RETURN": "nat filter",
  "-d 169.254.0.0/16 -p tcp -m multiport --dports 22,80:90 -j ACCEPT":
    "nat filter",
  "-d 169.254.0.0/255.255.0.0 -j ACCEPT": "nat filter",
  "! -d 127.0.0.0/8 -j ACCEPT": "nat filter",
  "-m set --match-set allowed dst -j ACCEPT": "nat filter",
  "-m owner --uid-owner 1000 -j ACCEPT": "nat filter",
  "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT": "nat filter",
  "-o eth0 -j ACCEPT": "nat filter",
  "-d 169.254.169.254/32 -p tcp -j DNAT --to-destination 10.0.0.1:80": "nat",
  "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 82": "nat",
  "-p tcp -m tcp --dport 80 -j ACCEPT": "nat filter",
  "-o lo -j ACCEPT": "nat filter",
  "-d 10.0.0.0/8 -j ACCEPT": "filter",
  "-s 127.0.0.1/32 -o lo -p tcp -m tcp --sport 4000 -j ACCEPT": "filter",
  "-o lo -p tcp -m tcp --dport 1024:65535 -j ACCEPT": "filter",
  "-o lo -p tcp -m tcp --sport 4001 -j ACCEPT": "",
  "-o lo -p tcp -m tcp --dport 8080 -j ACCEPT": "",
  "-d 169.254.0.0/16 -j DROP": "",
  "-d 169.254.169.254/32 -j REJECT --reject-with icmp-port-unreachable": "",
  "-p udp -j ACCEPT": "",
  "! -p tcp -j ACCEPT": "",
  "-d 169.254.169.253/32 -p tcp -m tcp --dport 22 -j ACCEPT": "",
  "-p tcp -m tcp --dport 443 -j ACCEPT": "",
  "-p tcp -m tcp ! --dport 80 -j ACCEPT": "filter",
  '-m comment --comment "-j ACCEPT" -j KUBE-SERVICES': "",
  "-j LOG": "",
  "-g OTHERS": "",
};

for (const [rule, tables] of Object.entries(CASES)) {
  Deno.test(`shadows() takes "${rule}" for one that ends OUTPUT before ours in: ${tables}`, () => {
    const line = `-A OUTPUT ${rule}`;
    const found = (["nat", "filter"] as const).filter((table) =>
      shadows(table, [line, OURS], RULE).length > 0
    );
    assertEquals(found.join(" "), tables);
    assertEquals(shadows("filter", [OURS, line], RULE), []);
  });
}

Deno.test("diversions() finds what redirects the proxy's own requests, wherever it stands", () => {
  const old = (owner: string, port = 80) =>
    `-A OUTPUT -d 169.254.169.254/32 -p tcp -m owner ${owner} -m tcp --dport ${port} -j REDIRECT --to-ports 4000`;
  const other = old("! --uid-owner 1042");
  for (const output of [[OURS, other], [other, OURS], [other]]) {
    assertEquals(diversions(output, RULE), [other]);
  }
  for (
    const line of [
      OURS,
      old("! --uid-owner 10169"),
      old("--uid-owner 1042"),
      old("! --uid-owner 1042", 81),
      other.replace("-j REDIRECT --to-ports 4000", "-j ACCEPT"),
    ]
  ) assertEquals(diversions([line], RULE), [], line);
});

Deno.test("shadows() compares IPv6 addresses in every form", () => {
  const rule = { ...RULE, ...DESTINATION_IPV6, port: undefined };
  const found = (range: string) =>
    shadows("nat", [`-A OUTPUT -d ${range} -j ACCEPT`, OURS], rule).length;
  assertEquals(
    ["fd00:ec2::254/128", "fd00:ec2::/32", "::/0", "fd00:ec2:0:0::254"].map(
      found,
    ),
    [1, 1, 1, 1],
  );
  assertEquals(["fd00:ec2::255/128", "fe80::/10"].map(found), [0, 0]);
});
