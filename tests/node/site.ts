/**
 * What is around a node: the metadata service and a registry, each in a network
 * of its own behind a router, and the HTTP proxy by which images are pulled.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { afterburn } from "../clients/builds.ts";
import { layCable } from "../helpers/cable.ts";
import { cacheFolder, REPOSITORY } from "../helpers/files.ts";
import { installedProgram } from "../helpers/installed.ts";
import {
  createNamespace,
  type Namespace,
  type Spawned,
} from "../helpers/namespace.ts";
import { succeed } from "../helpers/plain_runner.ts";
import { startProgram } from "../helpers/program.ts";
import { NAMESPACES, type Need } from "../helpers/requires.ts";
import { buildOutside, createBase, IMAGE } from "../image/build_image.ts";

/** What a site needs. */
export const SITE_NEEDS: readonly Need[] = [
  ...NAMESPACES,
  { command: "docker-registry", from: "docker-registry" },
  { command: "skopeo", from: "skopeo" },
  { command: "openssl", from: "openssl" },
  { command: "tinyproxy", from: "tinyproxy-bin" },
  { command: "podman", from: "podman" },
  { command: "runc", from: "runc" },
  { command: "cargo", from: "rustup.rs" },
  { python: "socketserver", from: "python3" },
];

/** A node's place in the network; disposing of it pulls the plug. */
export interface Plug extends AsyncDisposable {
  /** Its network. */
  readonly namespace: Namespace;
}

/** Where images are pulled from. */
export const REGISTRY = "10.77.2.1:5000";

/** The HTTP proxy that leads there. */
export const HTTP_PROXY = "10.77.0.254:3128";

/** Who may pull. */
export const LOGIN = "node:node";

/** The same, with bcrypt of the password. */
const HTPASSWD =
  "node:$2b$04$jdw.0wqYpppGydc7DSDVsew2Z6jv.szj/xlN/EjLt.WethN1KuWnG\n";

/** A site. */
export class Site implements AsyncDisposable {
  #plugs = 0;
  #registry: Spawned | undefined;

  private constructor(
    readonly stack: AsyncDisposableStack,
    readonly router: Namespace,
    readonly service: Spawned,
    readonly network: Namespace,
    readonly folder: string,
    /** The images, by digest: the one, and another of the same program. */
    readonly images: readonly string[],
    /** Programs of the node: the path there, and the file here. */
    readonly programs: Readonly<Record<string, string>>,
  ) {}

  /** The registry's CA. */
  get ca(): string {
    return Deno.readTextFileSync(`${this.folder}/ca.crt`);
  }

  /** Builds all of it; the registry is away. */
  static async create(): Promise<Site> {
    const [executable] = (await installedProgram()).command;
    const programs = {
      "/opt/c2s-imds": executable,
      "/opt/c2s-imds-0.1.0": await oldExecutable(),
      "/usr/bin/afterburn": (await afterburn())[0] ?? "",
    };
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "c2s-imds-site-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const router = stack.use(await createNamespace());
    await router.must(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    const neighbour = async (net: string, ...addresses: readonly string[]) => {
      const namespace = stack.use(await createNamespace(addresses));
      await layCable(
        { namespace, device: "eth0", addresses: [`${net}.1/24`] },
        {
          namespace: router,
          device: `to-${namespace.name.slice(-8)}`,
          addresses: [`${net}.254/24`],
        },
      );
      return namespace;
    };
    const behind = await neighbour("10.77.1", "169.254.169.254/32");
    await behind.must(["ip", "route", "add", "default", "via", "10.77.1.254"]);
    await router.must(
      ["ip", "route", "add", "169.254.169.254/32", "via", "10.77.1.1"],
    );
    // A hop limit of 1 where the node takes it, as EC2's.
    await behind.must(["sysctl", "-qw", "net.ipv4.ip_default_ttl=2"]);
    stack.use(
      await startProgram(["simulate", "--listen=127.0.0.1:1340"], {
        namespace: behind.name,
      }),
    );
    const { pathname } = new URL("../clients/service.py", import.meta.url);
    const service = behind.spawn([
      ...["/usr/bin/python3", pathname, "--record"],
      ...["--listen=169.254.169.254:80", "--tree=http://127.0.0.1:1340"],
    ]);
    await service.shows(/listening/);
    // Without a route: it answers to nobody but the proxy.
    const network = await neighbour("10.77.2");
    await Deno.writeTextFile(`${folder}/proxy.conf`, "Port 3128\n");
    const proxy = router.spawn(
      ["tinyproxy", "-d", "-c", `${folder}/proxy.conf`],
    );
    await proxy.shows(/Accepting connections/);
    await certify(folder);
    const images: string[] = [];
    const site = new Site(
      stack.move(),
      ...[router, service, network, folder, images, programs] as const,
    );
    try {
      await site.registryUp();
      images.push(...await pushImages(network, folder, executable));
      await site.registryDown();
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  /** Starts the registry. */
  async registryUp(): Promise<void> {
    this.#registry = this.network.spawn(
      ["sh", "-c", `exec docker-registry serve ${this.folder}/config.yml 2>&1`],
    );
    await this.#registry.shows(/listening on/);
  }

  /** Ends it. */
  async registryDown(): Promise<void> {
    await this.#registry?.kill();
  }

  /** How often the registry was asked for an image since it was started. */
  get pulls(): number {
    return this.#registry?.stdout().match(/GET \/v2\/\S+\/manifests/g)
      ?.length ?? 0;
  }

  /** What the service was asked, in its order. */
  get asked(): readonly string[] {
    return this.service.stdout().split("\n").slice(1, -1);
  }

  /** A new network for a node. */
  async plug(): Promise<Plug> {
    const { router } = this;
    const device = `node-${this.#plugs++}`;
    const namespace = await createNamespace();
    await layCable(
      { namespace, device: "eth0", addresses: ["10.77.0.1/24"] },
      { namespace: router, device, addresses: ["10.77.0.254/24"] },
    );
    const route = ["ip", "route", "add", "default", "via", "10.77.0.254"];
    await namespace.must(route);
    return {
      namespace,
      async [Symbol.asyncDispose]() {
        await router.must(["ip", "link", "del", device]);
        await namespace[Symbol.asyncDispose]();
      },
    };
  }

  /** Takes all of it down. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }
}

/** The registry's certificate and configuration. */
async function certify(folder: string): Promise<void> {
  await succeed([
    ...["openssl", "req", "-x509", "-newkey", "ec"] as const,
    ...["-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=registry", "-addext", "subjectAltName=IP:10.77.2.1"],
    ...["-keyout", `${folder}/key`, "-out", `${folder}/ca.crt`],
  ]);
  await Deno.writeTextFile(`${folder}/htpasswd`, HTPASSWD);
  await Deno.writeTextFile(
    `${folder}/config.yml`,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: `${folder}/registry` } },
      http: {
        addr: REGISTRY,
        tls: { certificate: `${folder}/ca.crt`, key: `${folder}/key` },
      },
      auth: { htpasswd: { realm: "site", path: `${folder}/htpasswd` } },
    }),
  );
}

/** Builds the images and pushes them. */
async function pushImages(
  network: Namespace,
  folder: string,
  executable: string,
): Promise<readonly string[]> {
  await using podman = await createBase(executable);
  const images: string[] = [];
  for (const version of ["1", "2"]) {
    await buildOutside(podman, executable, `--build-arg=VERSION=${version}`);
    const oci = `oci:${podman.folder}/${version}:1`;
    await podman.must("push", "--quiet", IMAGE, oci);
    const file = `${folder}/digest`;
    await network.must([
      ...["skopeo", "copy", "--quiet", `--dest-creds=${LOGIN}`],
      ...[`--dest-cert-dir=${folder}`, `--digestfile=${file}`],
      ...[oci, `docker://${REGISTRY}/c2s/c2s-imds:${version}`],
    ]);
    images.push(`${REGISTRY}/c2s/c2s-imds@${await Deno.readTextFile(file)}`);
  }
  return images;
}

/** Version 0.1.0, as it was in this commit. */
const OLD = "b546551a59ec693d8f6c89432f98ef239f471581";

/** The executable of {@linkcode OLD}, made once and kept. */
async function oldExecutable(): Promise<string> {
  const file = `${await cacheFolder()}/c2s-imds-0.1.0`;
  if (existsSync(file)) return file;
  const folder = await Deno.makeTempDir({ dir: await cacheFolder() });
  const repository = ["git", "-C", REPOSITORY.pathname] as const;
  await succeed([...repository, "archive", `--output=${folder}/tar`, OLD]);
  await succeed(["tar", "-xf", `${folder}/tar`, "-C", folder]);
  await succeed([
    ...["env", "-C", folder, Deno.execPath(), "task", "compile"] as const,
    ...["--output", `${folder}/made`],
  ]);
  await Deno.rename(`${folder}/made`, file);
  await Deno.remove(folder, { recursive: true });
  return file;
}
