/**
 * What is measured side by side: this program, what a user could put in its
 * place, and what the runtime takes for itself.
 *
 * @module
 */

/** How one of them is started. */
export type Contestant = (place: Place) => readonly string[];

/** Where one of them stands. */
export interface Place {
  /** A folder for its files. */
  readonly folder: string;
  /** The port of 127.0.0.1 where it is to listen. */
  readonly port: number;
  /** The port of 127.0.0.1 where the service is. */
  readonly service: number;
}

/** This program with an answer used again for a second, as by default. */
export const HOT = "c2s-imds";

/** This program when every request goes up. */
export const COLD = "c2s-imds --cache 0";

/** What figures are compared with first. */
export const NGINX = "nginx sub_filter";

/** The least that a proxy on Node needs. */
export const NODE = "minimal Node proxy";

/** As c2s-instance-metadata does it, on Node as well. */
export const ORIGINAL = "the original's way";

/** Go's own. */
export const GO = "Go ReverseProxy";

/** The file of a proxy of ours. */
export function proxyFile(name: string): string {
  return new URL(`proxies/${name}`, import.meta.url).pathname;
}

function ours(executable: string, ...flags: readonly string[]): Contestant {
  return ({ port, service }) => [
    executable,
    "serve",
    `--listen=127.0.0.1:${port}`,
    `--upstream=http://127.0.0.1:${service}`,
    ...flags,
  ];
}

function onDeno(mode: "fetch" | "connect" | "memory"): Contestant {
  return ({ port, service }) => [
    Deno.execPath(),
    ...["run", "--quiet", "--no-config", "--allow-net=127.0.0.1"],
    ...[proxyFile("deno_serve.ts"), mode, `${port}`, `${service}`],
  ];
}

function onNode(kind: "original" | "minimal"): Contestant {
  return ({ port, service }) => [
    ...["node", proxyFile("node_proxy.mjs"), kind, `${port}`, `${service}`],
  ];
}

/** nginx as Debian has it, but for the one worker; it keeps connections. */
const nginx: Contestant = ({ folder, port, service }) => {
  const own = `${folder}/nginx-${port}`;
  Deno.mkdirSync(own, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((it) => `${it}_temp_path ${own}/${it};`).join("\n  ");
  Deno.writeTextFileSync(
    `${own}/nginx.conf`,
    `daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${own}/nginx.pid;
error_log stderr crit;
events { worker_connections 10000; }
http {
  ${temporary}
  access_log off;
  keepalive_requests 1000000000;
  upstream metadata {
    server 127.0.0.1:${service};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://metadata;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      sub_filter us-east-1 us-iso-east-1;
      sub_filter_once off;
      sub_filter_types *;
    }
  }
}
`,
  );
  return ["nginx", "-p", own, "-e", "stderr", "-c", `${own}/nginx.conf`];
};

/**
 * All who take part, by name.
 *
 * @param executable this program
 * @param other an executable to compare it with
 */
export function contestants(
  executable: string,
  other?: string,
): ReadonlyMap<string, Contestant> {
  return new Map([
    [HOT, ours(executable)],
    [COLD, ours(executable, "--cache=0")],
    ...(other === undefined ? [] : [
      [`${HOT}, the other`, ours(other)] as const,
      [`${COLD}, the other`, ours(other, "--cache=0")] as const,
    ]),
    [NGINX, nginx],
    [NODE, onNode("minimal")],
    [ORIGINAL, onNode("original")],
    [GO, ({ folder, port, service }) => [
      ...[`${folder}/reverse_proxy`, `127.0.0.1:${port}`],
      `http://127.0.0.1:${service}`,
    ]],
    ["Deno fetch", onDeno("fetch")],
    ["floor: Deno.serve, Deno.connect", onDeno("connect")],
    ["floor: Deno.serve from memory", onDeno("memory")],
  ]);
}
