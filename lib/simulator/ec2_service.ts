/**
 * The EC2 metadata service: IMDSv1 and IMDSv2 over a tree. Where the real
 * service's behaviour is known from a public capture, the capture is named.
 *
 * @module
 */
import { STATUS_CODE, STATUS_TEXT } from "@std/http/status";
import {
  notAllowed,
  segmentsOf,
  type SimulatorAnswer,
  type SimulatorRequest,
  textAnswer,
} from "./exchange.ts";
import {
  type Bytes,
  findNode,
  isDirectory,
  leafBytes,
  listDirectory,
  type MetadataTree,
} from "./metadata_tree.ts";
import { parseTokenTtl, type TokenStore } from "./token_store.ts";

/**
 * The versions the EC2 metadata service lists at `/`, in its order. The list
 * stands in several public captures of 2023 and 2024.
 */
export const EC2_VERSIONS: readonly string[] = [
  "1.0",
  "2007-01-19",
  "2007-03-01",
  "2007-08-29",
  "2007-10-10",
  "2007-12-15",
  "2008-02-01",
  "2008-09-01",
  "2009-04-04",
  "2011-01-01",
  "2011-05-01",
  "2012-01-12",
  "2014-02-25",
  "2014-11-05",
  "2015-10-20",
  "2016-04-19",
  "2016-06-30",
  "2016-09-02",
  "2018-03-28",
  "2018-08-17",
  "2018-09-24",
  "2019-10-01",
  "2020-10-27",
  "2021-01-03",
  "2021-03-23",
  "2021-07-15",
  "2022-09-24",
  "2024-04-11",
  "latest",
];

/** Where tokens are issued: this very path, no other version, no slash. */
const TOKEN_PATH = "/latest/api/token";

const TOKEN_HEADER = "x-aws-ec2-metadata-token";
const TTL_REQUEST_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";
const TTL_HEADER = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";

const SERVER = ["Server", "EC2ws"] as const;
const PLAIN = ["Content-Type", "text/plain"] as const;

/** What the service answers from. */
export interface Ec2Service {
  /** The data. */
  readonly tree: MetadataTree;
  /** The sessions. */
  readonly tokens: TokenStore;
  /** Whether GET and HEAD need a token. */
  readonly requireV2: boolean;
  /** The value of Last-Modified. */
  readonly lastModified: string;
  /** The clock, in milliseconds. */
  now(): number;
}

/**
 * Answers a request.
 *
 * @param request the request
 * @param service the data, the sessions, the clock
 */
export function answerEc2(
  request: SimulatorRequest,
  service: Ec2Service,
): SimulatorAnswer {
  const isToken = request.path === TOKEN_PATH;
  switch (request.method) {
    case "PUT":
      return isToken ? issueToken(request, service) : forbidden();
    case "OPTIONS":
      // cluster-api-provider-aws#1609
      return textAnswer(STATUS_CODE.OK, [
        ["Allow", isToken ? "OPTIONS, PUT" : "OPTIONS, GET, HEAD"],
        PLAIN,
        SERVER,
      ]);
    case "GET":
    case "HEAD":
      return isToken
        ? notAllowed("OPTIONS, PUT", [SERVER, PLAIN])
        : read(request, service);
    default:
      return notAllowed(isToken ? "OPTIONS, PUT" : "OPTIONS, GET, HEAD", [
        SERVER,
        PLAIN,
      ]);
  }
}

/** aws_credentials#47: 403 has no body. */
function forbidden(): SimulatorAnswer {
  return textAnswer(STATUS_CODE.Forbidden, [PLAIN, SERVER]);
}

function issueToken(
  request: SimulatorRequest,
  service: Ec2Service,
): SimulatorAnswer {
  if (request.header("x-forwarded-for") !== undefined) return forbidden();
  const ttl = parseTokenTtl(request.header(TTL_REQUEST_HEADER));
  if (ttl === undefined) return refused(STATUS_CODE.BadRequest);
  return textAnswer(
    STATUS_CODE.OK,
    [[TTL_HEADER, String(ttl)], SERVER, PLAIN],
    service.tokens.issue(ttl),
  );
}

function read(
  request: SimulatorRequest,
  service: Ec2Service,
): SimulatorAnswer {
  const token = request.header(TOKEN_HEADER);
  const ttl = token === undefined ? 0 : service.tokens.remaining(token);
  if (ttl === 0 && (token !== undefined || service.requireV2)) {
    return refused(STATUS_CODE.Unauthorized);
  }
  const found = lookUp(segmentsOf(request.path), service);
  if (found === undefined) return refused(STATUS_CODE.NotFound);
  return {
    status: STATUS_CODE.OK,
    headers: [
      // With a token, every answer tells how long it still holds.
      ...(ttl === 0 ? [] : [[TTL_HEADER, String(ttl)] as const]),
      ["Content-Type", found.type],
      ["Accept-Ranges", "none"],
      ["Last-Modified", service.lastModified],
      ...(found.tagged ? [["ETag", etag(found.body)] as const] : []),
      SERVER,
    ],
    body: found.body,
  };
}

/**
 * XHTML that calls itself iso-8859-1, with status code and phrase for title and
 * heading (datadog-agent#4857 has a 401, ndbench#47 a 404).
 */
function refused(status: 400 | 401 | 404): SimulatorAnswer {
  const heading = `${status} - ${STATUS_TEXT[status]}`;
  return textAnswer(
    status,
    [["Content-Type", "text/html"], SERVER],
    `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
  <head><title>${heading}</title></head>
  <body><h1>${heading}</h1></body>
</html>
`,
  );
}

interface Found {
  readonly body: Bytes;
  readonly type: string;
  /** Whether it carries an ETag, which only some answers do. */
  readonly tagged: boolean;
}

function lookUp(
  segments: readonly string[] | undefined,
  { tree, now }: Ec2Service,
): Found | undefined {
  const [version, ...rest] = segments ?? [".."];
  if (version === undefined) return listing(EC2_VERSIONS.join("\n"), true);
  if (!EC2_VERSIONS.includes(version)) return undefined;
  const { openstack: _, ...sections } = tree;
  const [section] = rest;
  if (section === undefined) {
    return listing(Object.keys(sections).sort().join("\n"), false);
  }
  const node = findNode(sections, rest);
  if (node === undefined) return undefined;
  if (isDirectory(node)) return listing(listDirectory(node), false);
  return {
    body: leafBytes(node, now()),
    type: section === "user-data" ? "application/octet-stream" : "text/plain",
    tagged: section !== "meta-data",
  };
}

function listing(text: string, tagged: boolean): Found {
  return { body: leafBytes(text, 0), type: "text/plain", tagged };
}

/** A quoted decimal number, as kube2iam#119 shows one; here it is FNV-1a. */
function etag(body: Bytes): string {
  let hash = 0x811c9dc5;
  for (const byte of body) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `"${hash}"`;
}
