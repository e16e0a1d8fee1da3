/**
 * Stand-ins for the image's two bases, made of Debian's own programs:
 * the real ones cannot be pulled everywhere.
 *
 * @module
 */
import { succeed } from "../helpers/plain_runner.ts";

/** What UBI 9 minimal has that the program and the Containerfile use. */
const PROGRAMS = ["bash", "cat", "cp", "id", "test"];

/** What iptables loads when it sees our rule, in Debian's folder. */
const EXTENSIONS = [
  ...["xt_comment", "xt_conntrack", "xt_owner", "xt_REDIRECT", "xt_standard"],
  "xt_tcp",
  ...["ipt_REJECT", "ip6t_REJECT"],
];

const XTABLES = "xtables-nft-multi";

/** The names of iptables, links to {@linkcode XTABLES} as in RHEL. */
const NAMES = ["iptables", "ip6tables"].flatMap((family) =>
  ["", "-save", "-restore"].flatMap((tool) => [
    `${family}-nft${tool}`,
    `${family}${tool}`,
  ])
);

/** Installs what the Containerfile may ask for, and nothing else. */
const MICRODNF = `#!/bin/sh
case "$*" in
  "install -y --nodocs --setopt=install_weak_deps=0 iptables-nft")
    exec cp -P /packages/iptables-nft/* /usr/sbin/ ;;
  "clean all") ;;
  *) echo "Cannot run microdnf $*: not what the stand-in offers" >&2; exit 1 ;;
esac
`;

/** Makes an "executable" that tells how it was made, and from what. */
const NPX = `#!/bin/sh
for output; do :; done
cat > "$output" <<END
#!/bin/sh
echo "npx $*"
echo "$(test -e .git && echo with .git)"
END
`;

/**
 * Makes the root folder of an image that can take both bases' places.
 *
 * @param root the folder, empty
 * @param executable must be able to start in it
 */
export async function makeStandIn(
  root: string,
  executable: string,
): Promise<void> {
  const packages = `${root}/packages/iptables-nft`;
  for (const folder of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.mkdir(`${root}/usr/${folder}`, { recursive: true });
    await Deno.symlink(`usr/${folder}`, `${root}/${folder}`);
  }
  for (const folder of ["dev", "etc", "proc", "run", "sys", "tmp"]) {
    await Deno.mkdir(`${root}/${folder}`);
  }
  await Deno.mkdir(packages, { recursive: true });
  const libraries = new Set<string>();
  const add = async (from: string, to: string) => {
    await Deno.copyFile(from, to);
    for (const one of await librariesOf(from)) libraries.add(one);
  };
  for (const name of PROGRAMS) {
    await add(`/usr/bin/${name}`, `${root}/bin/${name}`);
  }
  await Deno.symlink("bash", `${root}/bin/sh`);
  await add(`/usr/sbin/${XTABLES}`, `${packages}/${XTABLES}`);
  for (const name of NAMES) await Deno.symlink(XTABLES, `${packages}/${name}`);
  for (const one of await librariesOf(executable)) libraries.add(one);
  for (const path of await extensions()) {
    libraries.add(path);
    for (const one of await librariesOf(path)) libraries.add(one);
  }
  for (const path of libraries) {
    await Deno.mkdir(root + path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(path, root + path);
  }
  for (const [name, text] of [["microdnf", MICRODNF], ["npx", NPX]] as const) {
    await Deno.writeTextFile(`${root}/bin/${name}`, text, { mode: 0o755 });
  }
}

/** The shared libraries a program needs, the loader included. */
async function librariesOf(path: string): Promise<string[]> {
  const listed = await succeed(["ldd", path]);
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, library]) =>
    library ?? ""
  );
}

async function extensions(): Promise<string[]> {
  const folders = await succeed(["sh", "-c", "echo /usr/lib/*/xtables"]);
  return EXTENSIONS.map((name) => `${folders.trim()}/lib${name}.so`);
}
