/**
 * OpenStack's metadata service, as Nova answers under `/openstack`: no
 * sessions, the same files in every version.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { type AnswerHeader, respond, segmentsOf } from "./exchange.ts";
import {
  type Bytes,
  findNode,
  isDirectory,
  listDirectory,
  type MetadataDirectory,
  readLeaf,
} from "./metadata_tree.ts";

/**
 * The versions Nova lists, in its order.
 *
 * @see {@link https://docs.openstack.org/nova/latest/user/metadata.html}
 */
export const OPENSTACK_VERSIONS: readonly string[] = `
  2012-08-10 2013-04-04 2013-10-17 2015-10-15 2016-06-30 2016-10-06
  2017-02-22 2018-08-27 2020-10-14 latest
`.trim().split(/\s+/);

const NOT_FOUND = `<html>
 <head>
  <title>404 Not Found</title>
 </head>
 <body>
  <h1>404 Not Found</h1>
 </body>
</html>`;

/**
 * Whether a path belongs to OpenStack's half of the service.
 *
 * @param path the path as sent
 */
export function isOpenStack(path: string): boolean {
  return segmentsOf(path)?.[0] === "openstack";
}

/**
 * Answers a request below `/openstack`.
 *
 * @param method its method
 * @param path its path as sent
 * @param files the files of every version; without them all is 404
 * @param now the time, in milliseconds since 1970
 */
export function answerOpenStack(
  method: string,
  path: string,
  files: MetadataDirectory | undefined,
  now: number,
): Response {
  if (method !== "GET" && method !== "HEAD") {
    return respond(STATUS_CODE.MethodNotAllowed, [
      ["Allow", "GET, HEAD"],
    ]);
  }
  const found = files && lookUp(path, files, now);
  return found === undefined
    ? respond(STATUS_CODE.NotFound, contentType("text/html"), NOT_FOUND)
    : respond(STATUS_CODE.OK, ...found);
}

function lookUp(
  path: string,
  files: MetadataDirectory,
  now: number,
): [headers: AnswerHeader[], body: string | Bytes] | undefined {
  const [, version, ...rest] = segmentsOf(path) ?? [];
  const text = contentType("text/plain");
  if (version === undefined) return [text, OPENSTACK_VERSIONS.join("\n")];
  if (!OPENSTACK_VERSIONS.includes(version)) return undefined;
  const node = findNode(files, rest);
  if (node === undefined) return undefined;
  if (isDirectory(node)) return [text, listDirectory(node)];
  const isJson = rest.at(-1)?.endsWith(".json") ?? false;
  return [
    isJson ? [["Content-Type", "application/json"]] : text,
    readLeaf(node, now),
  ];
}

function contentType(type: string): AnswerHeader[] {
  return [["Content-Type", `${type}; charset=UTF-8`]];
}
