/**
 * Two servers of nginx: the upstream of all measurements, and a proxy that
 * rewrites with sub_filter.
 *
 * @module
 */
import type { CommandLine } from "./processes.ts";

/** What every server here has in common. */
function configuration(folder: string, http: string, workers: string): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((it) => `${it}_temp_path ${folder}/${it};`).join("\n  ");
  return `daemon off;
worker_processes ${workers};
worker_rlimit_nofile 8192;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  ${paths}
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  ${http}
}
`;
}

function command(folder: string, text: string): CommandLine {
  Deno.mkdirSync(folder, { recursive: true });
  const file = `${folder}/nginx.conf`;
  Deno.writeTextFileSync(file, text);
  return {
    name: "nginx",
    args: ["-p", folder, "-e", "stderr", "-c", file],
  };
}

/**
 * A server of files, in the place of the metadata service; it gives a token
 * for any PUT.
 *
 * @param folder a folder for its configuration
 * @param port where it listens
 * @param documents the folder with the files
 */
export function nginxUpstream(
  folder: string,
  port: number,
  documents: string,
): CommandLine {
  return command(
    folder,
    configuration(
      folder,
      `sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${documents};
    location = /latest/api/token { return 200 "AQAEAHh1c2VkX2J5X2JlbmNo"; }
  }`,
      "1",
    ),
  );
}

/**
 * A proxy that rewrites with sub_filter, as many workers as processors, as
 * Debian configures it.
 *
 * @param folder a folder for its configuration
 * @param port where it listens
 * @param upstream the port of the upstream
 */
export function nginxSubFilter(
  folder: string,
  port: number,
  upstream: number,
): CommandLine {
  return command(
    folder,
    configuration(
      folder,
      `upstream metadata {
    server 127.0.0.1:${upstream};
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
  }`,
      "auto",
    ),
  );
}
