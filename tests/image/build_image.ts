/**
 * The image, built by `deploy/Containerfile` on stand-ins for its bases.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { REPOSITORY } from "../helpers/files.ts";
import { createPodman, type Podman } from "./podman.ts";
import { makeStandIn } from "./stand_in.ts";

const CONTAINERFILE = new URL("deploy/Containerfile", REPOSITORY).pathname;
/** The name of the stand-in for both bases. */
export const BASE = "localhost/stand-in";

/** The name of what {@linkcode buildOutside} builds. */
export const IMAGE = "localhost/c2s-imds";

/** Builds without the network and without a runtime. */
function build(podman: Podman, image: string, ...args: readonly string[]) {
  return podman.run(
    ...["build", "--isolation=chroot", "--network=host", "--pull-never"],
    ...["--layers=false", `--tag=${image}`, ...args],
  );
}

/** Builds `deploy/Containerfile` on the stand-in. */
export function buildOurs(
  podman: Podman,
  image: string,
  ...args: readonly string[]
) {
  return build(
    podman,
    image,
    `--file=${CONTAINERFILE}`,
    `--build-arg=BUILD_IMAGE=${BASE}`,
    `--build-arg=RUNTIME_IMAGE=${BASE}`,
    ...args,
  );
}

/** Podman with the stand-in for both bases. */
export async function createBase(executable: string): Promise<Podman> {
  const podman = await createPodman();
  try {
    const base = `${podman.folder}/base`;
    await makeStandIn(`${base}/root`, executable);
    await Deno.writeTextFile(
      `${base}/Containerfile`,
      "FROM scratch\nCOPY root /\n",
    );
    const { code, stderr } = await build(podman, BASE, base);
    assertEquals(code, 0, stderr);
    return podman;
  } catch (error) {
    await podman[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Builds the image around the executable.
 *
 * @param args more of `podman build`
 */
export async function buildOutside(
  podman: Podman,
  executable: string,
  ...args: readonly string[]
): Promise<void> {
  const context = `${podman.folder}/context`;
  await Deno.mkdir(`${context}/dist`, { recursive: true });
  for (const name of ["LICENSE", "THIRD_PARTY_LICENSES"]) {
    await Deno.copyFile(new URL(name, REPOSITORY), `${context}/${name}`);
  }
  await Deno.copyFile(executable, `${context}/dist/c2s-imds`);
  const { code, stderr } = await buildOurs(
    podman,
    IMAGE,
    "--target=outside",
    ...args,
    context,
  );
  assertEquals(code, 0, stderr);
}
