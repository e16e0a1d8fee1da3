/**
 * OpenStack's metadata service, as Nova answers under `/openstack`: no
 * sessions, the same files in every version.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import {
  notAllowed,
  segmentsOf,
  type SimulatorAnswer,
  type SimulatorRequest,
  textAnswer,
} from "./exchange.ts";
import {
  findNode,
  isDirectory,
  leafBytes,
  listDirectory,
  type MetadataDirectory,
} from "./metadata_tree.ts";

/**
 * The versions Nova lists, in its order.
 *
 * @see {@link https://docs.openstack.org/nova/latest/user/metadata.html}
 */
export const OPENSTACK_VERSIONS: readonly string[] = [
  "2012-08-10",
  "2013-04-04",
  "2013-10-17",
  "2015-10-15",
  "2016-06-30",
  "2016-10-06",
  "2017-02-22",
  "2018-08-27",
  "2020-10-14",
  "latest",
];

const PLAIN = [["Content-Type", "text/plain; charset=UTF-8"]] as const;
const JSON_TYPE = [["Content-Type", "application/json"]] as const;
const HTML = [["Content-Type", "text/html; charset=UTF-8"]] as const;

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
 * @param request the request
 * @param files the files of every version; without them all is 404
 * @param now the time, in milliseconds since 1970
 */
export function answerOpenStack(
  request: SimulatorRequest,
  files: MetadataDirectory | undefined,
  now: number,
): SimulatorAnswer {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return notAllowed("GET, HEAD");
  }
  const [, version, ...rest] = segmentsOf(request.path) ?? [];
  if (files !== undefined && version === undefined) {
    return textAnswer(STATUS_CODE.OK, PLAIN, OPENSTACK_VERSIONS.join("\n"));
  }
  const node = files !== undefined && version !== undefined &&
      OPENSTACK_VERSIONS.includes(version)
    ? findNode(files, rest)
    : undefined;
  if (node === undefined) {
    return textAnswer(STATUS_CODE.NotFound, HTML, NOT_FOUND);
  }
  if (isDirectory(node)) {
    return textAnswer(STATUS_CODE.OK, PLAIN, listDirectory(node));
  }
  return {
    status: STATUS_CODE.OK,
    headers: rest.at(-1)?.endsWith(".json") ? JSON_TYPE : PLAIN,
    body: leafBytes(node, now),
  };
}
